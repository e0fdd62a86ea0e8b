// Verifies many bundles with the script of docs/verify.html: the paths come on standard input, a line each, with those of root
// certificates and of an earlier checkpoint behind tabs, empty where there are none. On standard output comes an exit code for each as
// scripts/verify.py has them.
import {openAsBlob, readFileSync} from "node:fs";

const page = readFileSync(new URL("../docs/verify.html", import.meta.url), "utf8");
const script = page.slice(page.indexOf("<script>") + "<script>".length, page.indexOf("</script>"));
const {verifyBundle, readRoots, NotABundle} = new Function(`${script}; return {verifyBundle, readRoots, NotABundle};`)();

for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const [path, pem, jws] = line.split("\t"), roots = pem ? readRoots(readFileSync(pem, "utf8")) : null;
  const earlier = jws ? readFileSync(jws, "utf8") : null;
  try {
    console.log((await verifyBundle(await openAsBlob(path), {roots, earlier})).verified ? 0 : 1);
  } catch (error) {
    if (!(error instanceof NotABundle)) throw error;
    console.log(2);
  }
}
