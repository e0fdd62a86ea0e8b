//! Deleting objects that may be gone already.

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, PartialObjectMeta},
};

/// Deletes an object. It is no failure when the object, or its type, does not exist.
pub(crate) async fn delete_if_present<K>(client: &Client, namespace: &str, name: &str) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
{
    // The response may be the object. Only its metadata is read, so that an unreadable spec does not stop the deletion.
    let api = Api::<PartialObjectMeta<K>>::namespaced(client.clone(), namespace);
    ignore_absent(api.delete(name, &DeleteParams::background()).await)
}

/// Success when the object was not there.
pub(crate) fn ignore_absent<T>(response: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match response {
        Err(error) if !is_absent(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether the object, or its type, does not exist. The API server reports an absent type in plain text, so the client gives
/// that error no reason, only its code.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn an_absent_object_is_no_failure_and_any_other_error_is_one() {
        let response = |code| Err::<(), _>(kube::Error::Api(Box::new(Status::failure("no", "").with_code(code))));
        assert!(ignore_absent(Ok(())).is_ok());
        assert!(ignore_absent(response(404)).is_ok());
        assert!(ignore_absent(response(403)).is_err());
        assert!(ignore_absent(response(409)).is_err());
    }
}
