use vaultstream_api::Source;

use super::*;
use crate::jobs::fixture;

fn column(type_name: &str) -> Option<Column> {
    let type_oid = (1..4000).find(|oid| types::by_oid(*oid).is_some_and(|known| known.name == type_name)).unwrap();
    Some(Column { type_oid, shown: type_name.to_owned(), not_null: true, may_read: true, generated: false })
}

fn table() -> TableSource {
    let Source::Table(table) = fixture::table() else { panic!("another source") };
    table
}

fn of_columns(columns: usize) -> TableSource {
    let names = ["body", "amount"].map(str::to_owned);
    TableSource { signed: Signed::Columns(names[..columns].to_vec()), ..table() }
}

/// A type of a user, which has the name of a built-in one.
fn of_a_user(type_name: &str) -> Column {
    Column { type_oid: 16_500, shown: format!("mine.{type_name}"), not_null: true, may_read: true, generated: false }
}

/// A table that can be signed.
fn facts() -> Facts {
    Facts {
        reader: "app".to_owned(),
        schema: "public".to_owned(),
        table: "public.orders".to_owned(),
        key_names: vec!["id".to_owned()],
        signed_names: vec!["body".to_owned()],
        database: 5,
        relation: Some(Relation {
            oid: 16_400,
            kind: "r".to_owned(),
            row_security: false,
            may_use_schema: true,
            may_read: true,
            unique: vec![index(&["id"], true)],
            key_columns: vec!["id".to_owned()],
            key: vec![column("int8")],
            signed: vec![column("text")],
        }),
    }
}

fn index(columns: &[&str], of_integers: bool) -> UniqueIndex {
    UniqueIndex { columns: columns.iter().map(|name| (*name).to_owned()).collect(), of_integers }
}

/// The key is this column alone, with a unique index on it.
fn with_key(type_name: &str) -> Facts {
    with(|relation| {
        relation.key = vec![column(type_name)];
        relation.unique = vec![index(&["id"], types::is_id(type_name))];
    })
}

fn with(change: impl FnOnce(&mut Relation)) -> Facts {
    let mut facts = facts();
    facts.relation.as_mut().map(change);
    facts
}

#[test]
fn a_table_with_a_unique_integer_key_and_a_payload_of_bytes_can_be_signed() {
    let planned = |partitioned| PlannedTable { database: 5, table: 16_400, partitioned };
    let key = RowKeyColumns { columns: vec!["id".into()], types: vec!["int8".into()], ids: RowIds::Keys };
    let fit = Fit { table: planned(false), key, order: vec!["id".into()], signed_types: vec!["text".into()] };
    assert_eq!(judge(&table(), &facts()), Ok(fit));
    let partitioned = judge(&table(), &with(|relation| relation.kind = "p".to_owned())).unwrap();
    assert_eq!(partitioned.table, planned(true));
    for key in ["int2", "int4", "int8"] {
        assert_eq!(judge(&table(), &with_key(key)).unwrap().key.ids, RowIds::Keys, "{key}");
    }
    for payload in ["bytea", "text", "varchar", "json", "jsonb", "uuid"] {
        assert!(judge(&table(), &with(|relation| relation.signed[0] = column(payload))).is_ok(), "{payload}");
    }
}

#[test]
fn the_first_reason_why_a_table_cannot_be_signed_is_told() {
    let unreadable = |column: &mut Option<Column>| column.as_mut().unwrap().may_read = false;
    for (facts, unfit) in [
        (Facts { relation: None, ..facts() }, Unfit::NoTable),
        (with(|relation| relation.may_use_schema = false), Unfit::TableDenied),
        (with(|relation| relation.may_read = false), Unfit::TableDenied),
        (with(|relation| relation.kind = "S".to_owned()), Unfit::Kind("S".to_owned())),
        (with(|relation| relation.key = vec![None]), Unfit::NoColumn(Member::Key(0))),
        (with(|relation| unreadable(&mut relation.key[0])), Unfit::ColumnDenied(Member::Key(0))),
        (with(|relation| relation.signed[0] = None), Unfit::NoColumn(Member::Signed(0))),
        (with(|relation| unreadable(&mut relation.signed[0])), Unfit::ColumnDenied(Member::Signed(0))),
        (with(|relation| relation.key = Vec::new()), Unfit::NoPrimaryKey),
        (with_key("float8"), Unfit::KeyType { at: 0, found: "float8".to_owned() }),
        (
            with(|relation| relation.key = vec![Some(of_a_user("int8"))]),
            Unfit::KeyType { at: 0, found: "mine.int8".to_owned() },
        ),
        (
            with(|relation| relation.signed[0] = Some(of_a_user("text"))),
            Unfit::SignedType { at: 0, found: "mine.text".to_owned() },
        ),
        (with(|relation| relation.signed[0] = column("int8")), Unfit::SignedType { at: 0, found: "int8".to_owned() }),
        (with(|relation| relation.key[0].as_mut().unwrap().not_null = false), Unfit::KeyNullable { at: 0 }),
        (with(|relation| relation.unique = Vec::new()), Unfit::KeyNotUnique),
        (with(|relation| relation.row_security = true), Unfit::RowSecurity),
    ] {
        assert_eq!(judge(&table(), &facts), Err(unfit));
    }
}

#[test]
fn what_could_run_code_of_a_user_is_not_read_even_to_verify_it() {
    let told = |facts: Facts| runs_no_code(&facts, ViewUse::NotWanted).unwrap_err().to_string();
    for readable in [
        facts(),
        Facts { relation: None, ..facts() },
        with(|relation| relation.kind = "p".to_owned()),
        with(|relation| relation.key = vec![None]),
        with(|relation| relation.kind = "m".to_owned()),
        with(|relation| relation.kind = "f".to_owned()),
        with(|relation| relation.signed[0] = column("numeric")),
    ] {
        assert!(runs_no_code(&readable, ViewUse::NotWanted).is_ok(), "{readable:?}");
    }
    assert!(told(with(|relation| relation.kind = "S".to_owned())).contains("it is not a table now"));
    let view = with(|relation| relation.kind = "v".to_owned());
    let of_view = |view_use| runs_no_code(&view, view_use).map_err(|error| error.to_string());
    assert!(of_view(ViewUse::NotWanted).unwrap_err().contains("it is not a table now"));
    assert!(of_view(ViewUse::WithoutLogin).unwrap_err().contains("a view, which runs code of its owner"));
    assert_eq!(of_view(ViewUse::named(true)), Ok(()), "with the rights of a login that has no others");
    let of_key = with(|relation| relation.key = vec![Some(of_a_user("int8"))]);
    assert!(told(of_key).contains("its column id is of type mine.int8 now"));
    let of_payload = with(|relation| relation.signed[0] = Some(of_a_user("text")));
    assert!(told(of_payload).contains("its column body is of type mine.text now"));
}

#[test]
fn each_reason_says_what_changed() {
    for (unfit, told) in [
        (Unfit::NoTable, "it does not exist now"),
        (Unfit::TableDenied, "the right to read it is gone"),
        (Unfit::Kind("v".to_owned()), "it is not a table now"),
        (Unfit::NoColumn(Member::Key(0)), "its column id does not exist now"),
        (Unfit::ColumnDenied(Member::Signed(0)), "the right to read its column body is gone"),
        (Unfit::NoPrimaryKey, "it has no primary key now"),
        (Unfit::KeyType { at: 0, found: "text".to_owned() }, "its column id is of type text now"),
        (Unfit::SignedType { at: 0, found: "point".to_owned() }, "its column body is of type point now"),
        (Unfit::Generated { at: 0 }, "its column body is generated now"),
        (Unfit::KeyNullable { at: 0 }, "its column id may be NULL now"),
        (Unfit::KeyNotUnique, "its key (id) has no valid unique index now"),
        (Unfit::RowSecurity, "row-level security hides rows of it now"),
    ] {
        assert_eq!(unfit.change(&facts()), told);
    }
    assert_eq!([Member::Key(0), Member::Signed(0)].map(|member| member.column(&table()).to_owned()), ["id", "body"]);
    let names = |source: &TableSource| [Member::Key(0), Member::Signed(0)].map(|member| member.name(source));
    assert_eq!((names(&table()), names(&of_columns(1))), (["key", "payload"], ["key", "columns"]));
}

#[test]
fn every_type_of_the_list_can_be_part_of_a_row_and_few_can_be_a_payload() {
    for known in types::ALL {
        let facts = || with(|relation| relation.signed[0] = column(known.name));
        let signed_types = vec![known.name.to_owned()];
        let found = judge(&of_columns(1), &facts()).unwrap();
        assert_eq!(found.signed_types, signed_types);
        let payloads = ["bytea", "text", "varchar", "json", "jsonb", "uuid"];
        assert_eq!(judge(&table(), &facts()).is_ok(), payloads.contains(&known.name), "{}", known.name);
    }
    let of_array = with(|relation| {
        relation.signed[0] = Some(Column { type_oid: 1009, ..column("text").unwrap() });
    });
    assert!(matches!(judge(&of_columns(1), &of_array), Err(Unfit::SignedType { at: 0, .. })));
    let generated = || {
        with(|relation| {
            relation.signed[0].as_mut().unwrap().generated = true;
        })
    };
    assert_eq!(judge(&of_columns(1), &generated()), Err(Unfit::Generated { at: 0 }));
    assert!(judge(&table(), &generated()).is_ok(), "as earlier versions did");
}

#[test]
fn each_column_of_a_row_is_judged_and_keeps_its_type() {
    let two = |second: Option<Column>| {
        let mut facts = with(|relation| relation.signed.push(second));
        facts.signed_names.push("amount".to_owned());
        facts
    };
    assert_eq!(judge(&of_columns(2), &two(None)), Err(Unfit::NoColumn(Member::Signed(1))));
    let mut job = fixture::job(Source::Table(of_columns(2)));
    job.signed_types = Some(vec!["text".to_owned(), "int8".to_owned()]);
    assert!(unchanged(&job, &of_columns(2), &two(column("int8"))).is_ok());
    let told = unchanged(&job, &of_columns(2), &two(column("numeric"))).unwrap_err().to_string();
    assert!(told.contains("column amount was int8 and is numeric now"), "{told}");
    let told = runs_no_code(&two(Some(of_a_user("text"))), ViewUse::Wanted).unwrap_err().to_string();
    assert!(told.contains("its column amount is of type mine.text now"), "{told}");
}

#[test]
fn a_job_keeps_its_table_and_its_encoding() {
    let mut job = fixture::job(fixture::table());
    assert!(unchanged(&job, &table(), &facts()).is_ok(), "an earlier version recorded neither");
    job.signed_types = Some(vec!["varchar".to_owned()]);
    assert!(unchanged(&job, &table(), &facts()).is_ok(), "text has the same bytes");
    job.signed_types = Some(vec!["bytea".to_owned()]);
    let told = unchanged(&job, &table(), &facts()).unwrap_err().to_string();
    assert!(told.contains("column body was bytea and is text now"), "{told}");
    job.signed_types = None;
    for (planned, same) in [
        (PlannedTable { database: 5, table: 16_400, partitioned: false }, true),
        // A restored ledger: tables have other numbers there.
        (PlannedTable { database: 6, table: 1, partitioned: false }, true),
        (PlannedTable { database: 5, table: 1, partitioned: false }, false),
        (PlannedTable { database: 5, table: 16_400, partitioned: true }, false),
    ] {
        job.planned_table = Some(planned);
        assert_eq!(unchanged(&job, &table(), &facts()).is_ok(), same, "{planned:?}");
    }
    let told = unchanged(&job, &table(), &with(|relation| relation.unique = Vec::new())).unwrap_err().to_string();
    assert!(told.contains("its key (id) has no valid unique index now"), "{told}");
}

#[test]
fn keys_of_other_types_and_of_several_columns_get_ordinals() {
    for known in types::ALL {
        let judged = judge(&table(), &with_key(known.name));
        match known.is_key() {
            true if known.is_id() => assert_eq!(judged.unwrap().key.ids, RowIds::Keys),
            true => assert_eq!(judged.unwrap().key.ids, RowIds::Ordinals(RowAccess::Range), "{}", known.name),
            false => assert!(matches!(judged, Err(Unfit::KeyType { at: 0, .. })), "{}", known.name),
        }
    }
    for kind in ["v", "m", "f"] {
        let facts = with(|relation| (relation.kind, relation.unique) = (kind.to_owned(), Vec::new()));
        let fit = judge(&table(), &facts).unwrap();
        assert_eq!((fit.key.ids, fit.order), (RowIds::Ordinals(RowAccess::Join), vec!["id".to_owned()]));
    }
    // An index of integers by another order than theirs.
    let odd = with(|relation| relation.unique = vec![index(&["id"], false)]);
    assert_eq!(judge(&table(), &odd).unwrap().key.ids, RowIds::Ordinals(RowAccess::Range));
}

/// The key has the columns id and no, with these unique indexes.
fn two_columns(unique: Vec<UniqueIndex>) -> Facts {
    let mut facts = with(|relation| {
        relation.key_columns = vec!["id".to_owned(), "no".to_owned()];
        relation.key = vec![column("int8"), column("text")];
        relation.unique = unique;
    });
    facts.key_names = vec!["id".to_owned(), "no".to_owned()];
    facts
}

#[test]
fn several_columns_are_unique_by_an_index_of_them_or_of_some_and_are_read_in_its_order() {
    let order = |unique| judge(&table(), &two_columns(unique)).map(|fit| fit.order.join(" "));
    assert_eq!(order(vec![index(&["id"], true), index(&["no", "id"], false)]).as_deref(), Ok("no id"));
    assert_eq!(order(vec![index(&["id", "other"], true), index(&["no"], false)]).as_deref(), Ok("no"));
    assert_eq!(order(vec![index(&["id", "no", "other"], false)]), Err(Unfit::KeyNotUnique));
    let fit = judge(&table(), &two_columns(vec![index(&["id"], true)])).unwrap();
    assert_eq!((fit.key.columns, fit.key.types), (vec!["id".into(), "no".into()], vec!["int8".into(), "text".into()]));
}

#[test]
fn a_job_keeps_its_key() {
    let mut job = fixture::job(fixture::table());
    let facts = || two_columns(vec![index(&["id", "no"], false)]);
    job.key = Some(judge(&table(), &facts()).unwrap().key);
    assert!(unchanged(&job, &table(), &facts()).is_ok());
    let told = |facts: Facts| unchanged(&job, &table(), &facts).unwrap_err().to_string();
    assert!(told(super::tests::facts()).contains("its key is (id) now, and was (id, no)"));
    let mut other = facts();
    other.relation.as_mut().unwrap().key[1] = column("uuid");
    assert!(told(other).contains("its key is of type int8, uuid now, and was int8, text"));
    let mut same = facts();
    same.relation.as_mut().unwrap().key[1] = column("varchar");
    assert!(unchanged(&job, &table(), &same).is_ok(), "texts of the same bytes");
    // Integers of another size are the same ids, and a job of the versions before has no others.
    let mut of_ids = fixture::job(fixture::table());
    of_ids.planned_table = Some(PlannedTable { database: 5, table: 16_400, partitioned: false });
    assert!(unchanged(&of_ids, &table(), &with_key("int4")).is_ok());
    let told = unchanged(&of_ids, &table(), &with_key("uuid")).unwrap_err().to_string();
    assert!(told.contains("its key is of type uuid now, and was of integers"), "{told}");
}

#[test]
fn a_view_in_the_place_of_what_was_planned_is_none_that_was_wanted() {
    let mut job = fixture::job(fixture::table());
    let view = with(|relation| (relation.kind, relation.unique) = ("v".to_owned(), Vec::new()));
    let planned = |table| Some(PlannedTable { database: 5, table, partitioned: false });
    assert!(!is_planned_view(&job, &view), "it was planned with a table");
    job.key = Some(judge(&table(), &view).unwrap().key);
    for (found, same) in [(planned(16_400), true), (planned(16_401), false), (None, false)] {
        job.planned_table = found;
        assert_eq!(is_planned_view(&job, &view), same, "{found:?}");
    }
    // Restored elsewhere.
    job.planned_table = Some(PlannedTable { database: 6, table: 1, partitioned: false });
    assert!(is_planned_view(&job, &view));
    job.key = Some(judge(&table(), &facts()).unwrap().key);
    assert!(!is_planned_view(&job, &view));
}
