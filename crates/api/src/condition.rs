//! The types and reasons of a SigningJob's conditions: a fixed list, so that programs may rely on them.

use std::fmt;

use crate::word::documented;

documented! {
    /// The type of a condition.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum ConditionType {
        /// Accepted, its dependencies reachable, and progressing or done.
        Ready,
        /// The spec can be worked on.
        Accepted,
        /// The records and batches are in the ledger.
        Seeded,
        /// As many workers as wanted are available.
        WorkersAvailable,
        /// Workers follow the backlog; the reason says what scales them, or why they are not scaled.
        Scaling,
        /// A person has to act: the job cannot continue, or would not end well.
        Stalled,
        /// Every record is signed, or rejected within the allowance. Never reverts.
        Complete,
        /// The job ended without reaching its aim. Never reverts.
        Failed,
        /// `spec.suspend` stopped the work.
        Suspended,
        /// Every timestamping authority of `spec.anchors` has confirmed the receipt. Only jobs that name one have this condition.
        Anchored,
        /// The issuer of `spec.signing.issuerRef` has certified the receipt key. Only jobs that name one have this condition.
        Certified,
        /// Each row that is inserted is signed. Only jobs that follow their table, or did, have this condition.
        Following,
        /// The table can be read, and its trigger fires if the job follows it. Only jobs of a table have this condition.
        SourceReady,
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident for $($on:ident)|+;)+) => {
        /// The reason of a condition. Each is documented with what it means, and belongs to the types
        /// [`Reason::conditions`] names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// All reasons.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The `reason` in the status.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// The types of conditions that carry this reason.
            #[must_use]
            pub fn conditions(self) -> &'static [ConditionType] {
                match self {
                    $(Self::$name => &[$(ConditionType::$on),+],)+
                }
            }

            /// What it means, as a sentence for people and for the reference documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

reasons! {
    /// The job is being worked on.
    Progressing for Ready | Complete | Failed | Anchored | Certified;
    /// The job is done: every record is signed or rejected.
    Finished for Ready | Complete | Stalled | Following | SourceReady;
    /// The spec was accepted.
    Valid for Accepted;
    /// The job had ended when its spec was changed, which changes nothing of what was signed; the message names the fields.
    ChangedTooLate for Accepted;
    /// The spec breaks a rule that the API server could not check; the message names the field.
    InvalidSpec for Accepted | Ready | Stalled | Failed;
    /// The SigningJob type in the cluster is older than the operator and lacks a field that it needs; the message names it.
    TypeOutdated for Accepted | Ready | Stalled;
    /// The source table or one of its columns is missing or cannot be read.
    SourceUnavailable for Accepted | Seeded | Ready | Stalled | Failed | SourceReady;
    /// The source table has no usable unique key, a column has a type that cannot be signed, it was changed after planning, or the
    /// trigger of one that is followed is missing or does not fire.
    SourceUnusable for Accepted | Seeded | Ready | Stalled | Failed | SourceReady;
    /// The source table can be read, and its trigger fires if the job follows it.
    SourceReadable for SourceReady;
    /// New rows of the table are signed as they arrive.
    FollowsTable for Following;
    /// No worker has read for a minute which rows arrived. They wait in the source, and are signed later.
    PlannerSilent for Following;
    /// `spec.follow` was removed: what came before is still read and signed, and then the job ends.
    Ending for Following;
    /// The job's records are being made or planned.
    Seeding for Seeded | Following | SourceReady;
    /// All records and batches are in the ledger.
    Planned for Seeded;
    /// The job, or with it its namespace or the cluster, would take more of the ledger than is allowed; the message names field,
    /// value and limit.
    LimitExceeded for Ready | Seeded | Stalled;
    /// Postgres cannot be reached.
    LedgerUnavailable for Ready | Seeded | Scaling | Following | SourceReady;
    /// Postgres refuses the operator: a wrong password, a missing database or a missing right.
    LedgerRefused for Ready | Stalled;
    /// The ledger's schema is newer than this program, or was not migrated.
    LedgerVersion for Ready | Stalled;
    /// NATS cannot be reached.
    StreamsUnavailable for Ready | Scaling;
    /// NATS refuses what a job needs: a permission, a limit of the account, or room; the message says which.
    StreamsRefused for Ready | Stalled | WorkersAvailable;
    /// The job's data key, or every key of the job that may still sign, is damaged in the ledger.
    KeysDamaged for Ready | Stalled | WorkersAvailable;
    /// As many workers as wanted are available.
    WorkersReady for WorkersAvailable;
    /// A worker withdrew a signing backend that computed wrongly, and signs with another one; the message says why.
    BackendWithdrawn for WorkersAvailable;
    /// Workers are starting.
    WorkersStarting for WorkersAvailable;
    /// No worker is wanted: there is no backlog, or the job waits or has ended.
    NoWorkersWanted for WorkersAvailable;
    /// The connection Secret does not exist in the job's namespace.
    ConnectionSecretMissing for WorkersAvailable | Ready | Stalled;
    /// The connection Secret lacks a key that workers need, or has one they cannot read.
    ConnectionSecretInvalid for WorkersAvailable | Ready | Stalled;
    /// The key-encryption key in the connection Secret, or the key that its service has under the same id, is not the one the job's keys
    /// were wrapped with.
    WrongKek for WorkersAvailable | Ready | Stalled;
    /// The service that holds the key-encryption key does not respond; workers that need it try again.
    KeyServiceUnavailable for WorkersAvailable | Ready;
    /// The service that holds the key-encryption key refuses: a token, a policy, its certificate, or the kind of the key; the message says
    /// what.
    KeyServiceRefused for WorkersAvailable | Ready | Stalled;
    /// The worker image cannot be pulled.
    ImagePull for WorkersAvailable | Stalled;
    /// A ResourceQuota or LimitRange of the namespace forbids the pods.
    Quota for WorkersAvailable | Stalled;
    /// An admission policy refuses the pods.
    PodsRefused for WorkersAvailable | Stalled;
    /// No node has room for the pods, or none may take them.
    Unschedulable for WorkersAvailable | Stalled;
    /// Workers end repeatedly soon after they start.
    CrashLoop for WorkersAvailable | Stalled;
    /// A HorizontalPodAutoscaler scales the workers.
    ScaledByHpa for Scaling;
    /// A KEDA ScaledObject scales the workers.
    ScaledByKeda for Scaling;
    /// The operator scales the workers.
    ScaledDirectly for Scaling;
    /// The wanted way of scaling is not available in this cluster.
    ScalerUnavailable for Scaling | Stalled;
    /// The limit of jobs at work is reached; the message has the job's position.
    Queued for Scaling | Ready | Following | SourceReady;
    /// Nothing to scale: the job is not signing.
    NotSigning for Scaling;
    /// The job needs no action by a person.
    Healthy for Stalled;
    /// More records were rejected than `spec.maxRejected` allows.
    TooManyRejects for Failed | Ready;
    /// More records were rejected than `spec.maxRejected` allows. The job follows its table, and goes on signing; when it ends, this
    /// limit decides.
    RejectsAboveLimit for Stalled;
    /// The ledger lost what the job needs; the job cannot continue.
    LedgerLost for Failed | Ready | Seeded | Stalled;
    /// A signature that was committed before does not verify; the message names its batch.
    WrongSignature for Failed | Ready | Stalled;
    /// A key made two signatures with the same nonce, which would disclose it. The second one was not committed.
    NonceRepeated for Failed | Ready | Stalled;
    /// The ledger holds a key, a batch or a seal that no worker made; the message names it. The job got no receipt.
    LedgerAltered for Failed | Ready | Stalled | Certified;
    /// `spec.suspend` is true.
    SuspendRequested for Suspended | Ready | Following | SourceReady;
    /// `spec.suspend` is false.
    NotSuspended for Suspended;
    /// The SigningJob is being deleted.
    Deleting for Ready;
    /// Every timestamping authority has confirmed the receipt; the message says when.
    Confirmed for Anchored;
    /// A timestamping authority has not confirmed the receipt yet. It is asked again; the message has what went wrong last.
    NotConfirmed for Anchored;
    /// The operator may not ask a timestamping authority, because its settings do not allow this URL; the message names it.
    TsaNotAllowed for Anchored;
    /// The job failed without a receipt that could be confirmed or certified.
    NoReceipt for Anchored | Certified;
    /// The receipt has a certificate of its key, by the issuer of `spec.signing.issuerRef`.
    CertificateIssued for Certified;
    /// The issuer has not certified the receipt key yet; the message has what cert-manager says.
    CertificatePending for Certified;
    /// The request for a certificate was denied, which is the decision of an approver in this cluster. It is made again later.
    CertificateDenied for Certified | Stalled;
    /// The issuer failed, or cert-manager is missing; the message has what it says. It is asked again later.
    CertificateFailed for Certified | Stalled;
    /// What the issuer returned, or what the receipt has, does not certify this job's receipt key; the message says why. Without a receipt
    /// the issuer is asked again later.
    CertificateUnsuitable for Certified | Stalled;
    /// The receipt was made before `spec.signing.issuerRef` was set, and has no certificate.
    CertificateMissing for Certified;
}

impl Reason {
    /// Whether it reports a failure rather than progress. A new one is announced by an Event.
    #[must_use]
    pub fn is_fault(self) -> bool {
        !matches!(
            self,
            Self::Progressing
                | Self::Finished
                | Self::Valid
                | Self::Seeding
                | Self::Planned
                | Self::WorkersReady
                | Self::WorkersStarting
                | Self::NoWorkersWanted
                | Self::ScaledByHpa
                | Self::ScaledByKeda
                | Self::ScaledDirectly
                | Self::Queued
                | Self::NotSigning
                | Self::Healthy
                | Self::SuspendRequested
                | Self::NotSuspended
                | Self::Deleting
                | Self::Confirmed
                | Self::NotConfirmed
                | Self::NoReceipt
                | Self::CertificateIssued
                | Self::CertificatePending
                | Self::CertificateMissing
                | Self::SourceReadable
                | Self::FollowsTable
                | Self::Ending
        )
    }
}

/// The text is not the name of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such reason")]
pub struct UnknownReason;

impl std::str::FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(name: &str) -> Result<Self, UnknownReason> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name).ok_or(UnknownReason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_is_documented_and_fits_the_api() {
        let mut seen = BTreeSet::new();
        for reason in Reason::ALL {
            assert!(seen.insert(reason.as_str()), "{reason} twice");
            assert!(reason.meaning().ends_with('.'), "{reason}: {:?}", reason.meaning());
            assert!(!reason.conditions().is_empty(), "{reason} belongs to no condition");
        }
    }

    #[test]
    fn every_reason_is_read_back_from_its_name() {
        for reason in Reason::ALL {
            assert_eq!(reason.to_string().parse(), Ok(*reason));
        }
        assert_eq!("progressing".parse::<Reason>(), Err(UnknownReason));
    }

    #[test]
    fn what_needs_a_person_or_another_try_is_a_fault_and_progress_is_none() {
        use Reason::*;
        let faults = [
            InvalidSpec,
            LimitExceeded,
            LedgerUnavailable,
            WrongKek,
            Quota,
            ScalerUnavailable,
            TooManyRejects,
            LedgerLost,
            RejectsAboveLimit,
            PlannerSilent,
        ];
        assert_eq!(faults.map(Reason::is_fault), [true; 10]);
        let progress = [
            Progressing,
            Finished,
            Planned,
            WorkersStarting,
            ScaledByKeda,
            Queued,
            Healthy,
            Deleting,
            SourceReadable,
            FollowsTable,
            Ending,
        ];
        assert_eq!(progress.map(Reason::is_fault), [false; 11]);
    }

    #[test]
    fn every_condition_has_reasons() {
        for condition in ConditionType::ALL {
            assert!(Reason::ALL.iter().any(|reason| reason.conditions().contains(&condition)), "{condition}");
        }
    }
}
