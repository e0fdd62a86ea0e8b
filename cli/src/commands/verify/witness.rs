//! What the cluster knows of a job, beside what is verified.

use uuid::Uuid;

use crate::{args::VerifyArgs, cluster::Witness, error::Failure, output};

/// What the cluster knows of the job's receipt, where that is asked for. A SigningJob that is gone witnesses nothing.
///
/// # Errors
/// One sentence, when the cluster cannot be asked, or knows no such job although it has to.
pub(super) async fn of_receipt(
    args: &VerifyArgs,
    namespace: &str,
    name: &str,
    uid: Uuid,
) -> Result<Option<Witness>, Failure> {
    if !args.from_cluster && args.ledger.cluster.is_none() {
        return Ok(None);
    }
    match Witness::of(&args.cluster, namespace, name, uid).await? {
        Witness::NoJob => {
            let sentence = format!(
                "the cluster has no SigningJob {namespace}/{name} with the uid {uid}, with whose status the receipt could be compared"
            );
            if args.from_cluster {
                return Err(Failure::bad_input(sentence));
            }
            output::remark(format_args!("note: {sentence}"));
            Ok(None)
        }
        witness => Ok(Some(witness)),
    }
}
