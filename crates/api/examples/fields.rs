//! Prints the fields of a SigningJob that are kept in `docs/reference/`, from the schema that the API server checks.

use std::error::Error;

use serde_json::Value;
use vaultstream_api::schema;

fn main() -> Result<(), Box<dyn Error>> {
    println!("# Fields of a SigningJob\n");
    println!(
        "Written from the code by `make generate`. `kubectl explain signingjob.spec` tells the same in a cluster.\n"
    );
    for part in ["spec", "status"] {
        let fields = schema().pointer(&format!("/properties/{part}")).ok_or("a part is missing")?;
        println!("## {part}\n\n| field | type | default | meaning |\n| --- | --- | --- | --- |");
        walk(fields, part);
        println!();
    }
    println!("## Rules across fields\n");
    rules(schema());
    Ok(())
}

fn walk(schema: &Value, path: &str) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        // What comes from Kubernetes is described there.
        let foreign = path.contains(".affinity.") || path.contains(".behavior.") || path.contains("Constraints[].");
        if foreign {
            continue;
        }
        println!("| `{path}` | {} | {} | {} |", kind(field), default(field), meaning(field));
        match field["type"].as_str() {
            Some("array") => walk(&field["items"], &format!("{path}[]")),
            _ => walk(field, &path),
        }
    }
}

fn kind(field: &Value) -> String {
    let name = match field["type"].as_str() {
        _ if field["x-kubernetes-int-or-string"] == true => "integer or string",
        Some("array") => "list",
        Some("object") if field.get("additionalProperties").is_some() => "map",
        Some(name) => name,
        None => "any",
    };
    let words: Vec<&str> = field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    match (field["minimum"].as_f64(), field["maximum"].as_f64()) {
        (Some(least), Some(most)) => format!("{name}, {least} to {most}"),
        (Some(least), None) => format!("{name}, at least {least}"),
        _ => name.to_owned(),
    }
}

fn default(field: &Value) -> String {
    match &field["default"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(_) => String::new(),
        other => other.to_string(),
    }
}

fn meaning(field: &Value) -> String {
    field["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

fn rules(schema: &Value) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        if let Some(message) = rule["message"].as_str() {
            println!("- {message}");
        }
    }
    for (_, inner) in schema["properties"].as_object().into_iter().flatten() {
        rules(inner);
    }
}
