import assert from "node:assert/strict";
import { test } from "node:test";

import { NO_FILTERS } from "../src/filters.ts";
import { jobFragment, listFragment, parseRoute } from "../src/router.ts";

test("no fragment is the list", () => {
  for (const fragment of ["", "#", "#/", "#/?", "#?"]) assert.deepEqual(parseRoute(fragment), { view: "list", filters: NO_FILTERS }, fragment);
});

test("the list's address has its filters", () => {
  const filters = { text: "a/b?c", namespace: "shop", states: ["Signing"], sort: "rate", descending: true };
  assert.deepEqual(parseRoute(listFragment(filters)), { view: "list", filters });
  assert.equal(listFragment(NO_FILTERS), "#/");
  assert.equal(listFragment({ ...NO_FILTERS, namespace: "shop" }), "#/?ns=shop");
});

test("a job's address has its uid, whatever is in it, and the section", () => {
  for (const uid of ["8f0c-1", "a/b", "x?y#z", "100%", "ä", ".."]) {
    assert.deepEqual(parseRoute(jobFragment(uid)), { view: "job", uid, section: null });
    assert.deepEqual(parseRoute(jobFragment(uid, "keys")), { view: "job", uid, section: "keys" });
  }
});

test("other fragments show that there is nothing", () => {
  for (const fragment of ["#/jobs", "#/jobs/", "#/jobs/a/b", "#/other", "#main", "#/jobs/%E0%A4%A"]) assert.deepEqual(parseRoute(fragment), { view: "unknown" }, fragment);
});
