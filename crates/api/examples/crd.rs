//! Prints the CustomResourceDefinition that is kept in `crds/`.

fn main() {
    print!("{}", vaultstream_api::crd_yaml());
}
