//! The namespaces that the operator serves.

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};

/// One `Api` for each of `namespaces`, or one for the whole cluster when the list is empty.
pub(crate) fn apis<K>(client: &Client, namespaces: &[String]) -> Vec<Api<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespaces {
        [] => vec![Api::all(client.clone())],
        some => some.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect(),
    }
}
