//! The name that was probably meant.

use strsim::osa_distance;

/// A name that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// `None` for columns.
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

/// How an existing name resembles the missing one, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// It holds the schema, too.
    Qualified,
    /// Another case, or quoted as in SQL.
    Spelling,
    /// The same name in another schema.
    Elsewhere,
    /// That number of letters differ.
    Typo(usize),
}

/// The best candidate for `name` in `schema`, as a manifest writes it.
pub(super) fn nearest(schema: Option<&str>, name: &str, candidates: &[Candidate]) -> Option<String> {
    let best = candidates
        .iter()
        .filter_map(|candidate| Some((likeness(schema, name, candidate)?, candidate)))
        .min_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.name.cmp(&b.name)))?;
    let (_, Candidate { schema: found, name }) = best;
    Some(match found.as_deref() {
        Some(found) if Some(found) != schema || best.0 == Likeness::Qualified => {
            format!("schema: {}, name: {}", yaml(found), yaml(name))
        }
        Some(_) => format!("name: {}", yaml(name)),
        None => yaml(name),
    })
}

fn likeness(schema: Option<&str>, name: &str, candidate: &Candidate) -> Option<Likeness> {
    let here = candidate.schema.as_deref() == schema;
    let plain = plain(name);
    if let Some(found) = candidate.schema.as_deref() {
        let qualified = format!("{found}.{}", candidate.name);
        if plain.eq_ignore_ascii_case(&qualified) {
            return Some(Likeness::Qualified);
        }
    }
    if here && plain.to_lowercase() == candidate.name.to_lowercase() {
        return Some(Likeness::Spelling);
    }
    if plain == candidate.name {
        return Some(Likeness::Elsewhere);
    }
    let typos = osa_distance(&plain.to_lowercase(), &candidate.name.to_lowercase());
    let allowed = (plain.chars().count() / 3).clamp(1, 3);
    (here && typos <= allowed).then_some(Likeness::Typo(typos))
}

/// Without SQL's quotes.
fn plain(name: &str) -> String {
    name.replace('"', "")
}

/// A name as a manifest needs it: quoted unless it is plain.
fn yaml(name: &str) -> String {
    let is_plain = name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        && !matches!(
            name.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        );
    if is_plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Vec<Candidate> {
        [("public", "orders"), ("public", "events"), ("shop", "invoices"), ("public", "Mixed Case"), ("public", "true")]
            .map(|(schema, name)| Candidate { schema: Some(schema.to_owned()), name: name.to_owned() })
            .to_vec()
    }

    #[test]
    fn another_case_a_schema_in_the_name_another_schema_and_a_typo_are_recognised() {
        let near = |name| nearest(Some("public"), name, &tables());
        assert_eq!(near("Orders").as_deref(), Some("name: orders"));
        assert_eq!(near("\"orders\"").as_deref(), Some("name: orders"));
        assert_eq!(near("public.events").as_deref(), Some("schema: public, name: events"));
        assert_eq!(near("shop.invoices").as_deref(), Some("schema: shop, name: invoices"));
        assert_eq!(near("invoices").as_deref(), Some("schema: shop, name: invoices"));
        assert_eq!(near("oders").as_deref(), Some("name: orders"));
        assert_eq!(near("evnets").as_deref(), Some("name: events"));
        assert_eq!(near("mixed case").as_deref(), Some("name: 'Mixed Case'"));
        assert_eq!(near("True").as_deref(), Some("name: 'true'"));
        assert_eq!(near("customers"), None);
        assert_eq!(near("or"), None);
        assert_eq!(near("invoice"), None, "a typo in the name of another schema's table is not looked for");
    }

    #[test]
    fn every_third_letter_may_be_wrong_and_three_of_them_at_most() {
        for (name, existing, is_near) in [
            ("bdy", "body", true),
            ("bxdz", "body", false),
            ("evxnz", "event", false),
            ("custxmyrz", "customers", true),
            ("cusxxmyrz", "customers", false),
            ("xxxxthynameofacolumn", "lengthynameofacolumn", false),
        ] {
            let column = Candidate { schema: None, name: existing.to_owned() };
            assert_eq!(nearest(None, name, &[column]).is_some(), is_near, "{name}");
        }
    }

    #[test]
    fn a_name_is_quoted_where_yaml_would_read_something_else() {
        for plain in ["orders", "_x", "straße", "a1", "year"] {
            assert_eq!(yaml(plain), plain);
        }
        for (name, quoted) in [("1a", "'1a'"), ("a b", "'a b'"), ("it's", "'it''s'"), ("Yes", "'Yes'"), ("", "''")] {
            assert_eq!(yaml(name), quoted);
        }
    }

    #[test]
    fn columns_have_no_schema() {
        let columns = ["id", "Body"].map(|name| Candidate { schema: None, name: name.to_owned() });
        assert_eq!(nearest(None, "body", &columns).as_deref(), Some("Body"));
        assert_eq!(nearest(None, "bdy", &columns).as_deref(), Some("Body"));
        assert_eq!(nearest(None, "number", &columns), None);
    }
}
