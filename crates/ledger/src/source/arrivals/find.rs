//! Looking in the catalog for what was made for a table.

use tokio_postgres::{Client, Row};

use super::state::{Arrivals, TriggerState};
use crate::error::QueryError;
use crate::queries::Queries;

const ACTION: &str = "look for arrivals of the source table";

/// What is there for a table, whole or in part.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Schema of all of it, as SQL writes it.
    pub(super) schema: String,
    /// The number in the names.
    pub(super) number: String,
    /// The arrivals table, unless that is gone.
    pub(super) oid: Option<u32>,
    pub(super) has_follower: bool,
    /// Its function is there.
    pub(super) has_function: bool,
    /// Whose the arrivals table is, as SQL writes it.
    pub(super) owner: Option<String>,
    /// The login has the rights of that.
    pub(super) owns: bool,
    /// Names of the key's columns when the trigger was made; none without a trigger.
    pub(super) columns: Vec<String>,
    /// What these columns are called now.
    pub(super) columns_now: Vec<String>,
    pub(super) trigger: TriggerState,
}

impl Found {
    /// The names under which all of it is made for the table of this number.
    pub(super) fn nothing(schema: &str, table: u32) -> Self {
        Self {
            schema: schema.to_owned(),
            number: table.to_string(),
            oid: None,
            has_follower: false,
            has_function: false,
            owner: None,
            owns: true,
            columns: Vec::new(),
            columns_now: Vec::new(),
            trigger: TriggerState::Missing,
        }
    }

    pub(super) fn arrivals_table(&self) -> String {
        format!("{}.vaultstream_arrivals_{}", self.schema, self.number)
    }

    pub(super) fn follower_table(&self) -> String {
        format!("{}.vaultstream_follower_{}", self.schema, self.number)
    }

    pub(super) fn function(&self) -> String {
        format!("{}.vaultstream_note_{}", self.schema, self.number)
    }

    /// Every new row is noted, under the key's present name.
    pub(super) fn is_whole(&self) -> bool {
        self.trigger == TriggerState::Enabled
            && self.oid.is_some()
            && self.has_follower
            && self.columns == self.columns_now
    }
}

/// What was made for a table, by the number of the table. What a trigger leads to is believed, because only who owns the table makes triggers there;
/// without one, only what the table's owner owns, because others may make tables in the same schema.
const FOUND: &str = "WITH own AS (SELECT t.tgname, t.tgenabled, t.tgargs, t.tgattr, t.tgfoid, p.pronamespace, substr(p.proname, 18) AS number \
       FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = $1 AND t.tgparentid = 0 \
        AND t.tgname IN ('vaultstream_arrivals', 'vaultstream_changed_keys') AND p.proname ~ '^vaultstream_note_[0-9]+$'), \
     place AS (SELECT DISTINCT pronamespace AS namespace, number FROM own \
       UNION ALL SELECT s.relnamespace, s.oid::text FROM pg_class s WHERE s.oid = $1 AND NOT EXISTS (SELECT FROM own)) \
     SELECT quote_ident(n.nspname) AS schema, p.number, a.oid AS arrivals, quote_ident(pg_get_userbyid(a.relowner)) AS owner, \
       coalesce(pg_has_role(a.relowner, 'USAGE'), true) AS owns, \
       EXISTS (SELECT FROM pg_class f WHERE f.relnamespace = p.namespace AND f.relname = 'vaultstream_follower_' || p.number \
                  AND f.relkind = 'r') AS has_follower, \
       EXISTS (SELECT FROM pg_proc f WHERE f.pronamespace = p.namespace AND f.proname = 'vaultstream_note_' || p.number \
                  AND f.pronargs = 0) AS has_function, \
       (SELECT count(DISTINCT tgname) FROM own) AS triggers, (SELECT tgargs FROM own LIMIT 1) AS arguments, \
       (SELECT array_agg(c.attname::text ORDER BY u.place) FROM own CROSS JOIN LATERAL unnest(own.tgattr::smallint[]) \
          WITH ORDINALITY AS u (attnum, place) JOIN pg_attribute c ON c.attrelid = $1 AND c.attnum = u.attnum \
         WHERE own.tgname = 'vaultstream_changed_keys') AS columns_now, \
       (SELECT array_agg(DISTINCT t.enabled::text) FROM (SELECT tgenabled AS enabled FROM own UNION ALL \
          SELECT t.tgenabled FROM pg_partition_tree($1::oid::regclass) l JOIN pg_trigger t ON t.tgrelid = l.relid \
            AND t.tgfoid IN (SELECT tgfoid FROM own)) AS t) AS states \
       FROM place p JOIN pg_namespace n ON n.oid = p.namespace \
       LEFT JOIN pg_class a ON a.relnamespace = p.namespace AND a.relname = 'vaultstream_arrivals_' || p.number AND a.relkind = 'r' \
      WHERE EXISTS (SELECT FROM own) OR a.relowner = (SELECT relowner FROM pg_class WHERE oid = $1) LIMIT 1";

/// Arrivals of a table, if they are noted, or were. Needs no right but to read the catalog.
///
/// # Errors
///
/// When Postgres fails.
pub async fn find(client: &Client, schema: &str, table: &str) -> Result<Option<Arrivals>, QueryError> {
    let sql = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
    let Some(row) = Queries::over(client, ACTION).query_opt(sql, &[&schema, &table]).await? else { return Ok(None) };
    let found = found(client, row.get(0)).await?;
    Ok(found.and_then(|found| {
        let (table, follower) = (found.arrivals_table(), found.follower_table());
        Some(Arrivals { oid: found.oid?, table, follower, columns: found.columns, trigger: found.trigger })
    }))
}

/// What there is for the table of this number.
pub(super) async fn found(client: &Client, table: u32) -> Result<Option<Found>, QueryError> {
    let row = Queries::over(client, ACTION).query_opt(FOUND, &[&table]).await?;
    Ok(row.map(|row| of_row(&row)))
}

fn of_row(row: &Row) -> Found {
    let states: Option<Vec<String>> = row.get("states");
    Found {
        schema: row.get("schema"),
        number: row.get("number"),
        oid: row.get("arrivals"),
        has_follower: row.get("has_follower"),
        has_function: row.get("has_function"),
        owner: row.get("owner"),
        owns: row.get("owns"),
        columns: row.get::<_, Option<Vec<u8>>>("arguments").map(|arguments| texts(&arguments)).unwrap_or_default(),
        columns_now: row.get::<_, Option<Vec<String>>>("columns_now").unwrap_or_default(),
        trigger: state(row.get("triggers"), &states.unwrap_or_default()),
    }
}

/// The arguments of a trigger as the catalog has them: each ends with a zero.
fn texts(arguments: &[u8]) -> Vec<String> {
    let ended = arguments.strip_suffix(&[0]).unwrap_or(arguments);
    ended.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// Of both triggers together, on all partitions, by `tgenabled`.
fn state(triggers: i64, states: &[String]) -> TriggerState {
    if triggers < 2 {
        return TriggerState::Missing;
    }
    let of = |state: &String| match state.as_str() {
        "D" => TriggerState::Disabled,
        "R" => TriggerState::ReplicaOnly,
        _ => TriggerState::Enabled,
    };
    states.iter().map(of).max().unwrap_or(TriggerState::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_they_were_written() {
        assert_eq!(texts(b"tenant\0no\0"), ["tenant", "no"]);
        assert_eq!(texts("Größe, \"x\"\0".as_bytes()), ["Größe, \"x\""]);
    }

    #[test]
    fn the_worst_state_counts() {
        let states = |all: &[&str]| all.iter().map(|state| (*state).to_owned()).collect::<Vec<_>>();
        assert_eq!(state(2, &states(&["O", "A"])), TriggerState::Enabled);
        assert_eq!(state(2, &states(&["O", "R"])), TriggerState::ReplicaOnly);
        assert_eq!(state(2, &states(&["R", "D", "O"])), TriggerState::Disabled);
        assert_eq!(state(1, &states(&["O"])), TriggerState::Missing);
        assert_eq!(state(0, &[]), TriggerState::Missing);
    }
}
