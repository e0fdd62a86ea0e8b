// Verifies many bundles with the script of docs/verify.html: the paths come on standard input, a line each, and on standard output an
// exit code for each as scripts/verify.py has them.
import {openAsBlob, readFileSync} from "node:fs";

const page = readFileSync(new URL("../docs/verify.html", import.meta.url), "utf8");
const script = page.slice(page.indexOf("<script>") + "<script>".length, page.indexOf("</script>"));
const {verifyBundle, NotABundle} = new Function(`${script}; return {verifyBundle, NotABundle};`)();

for (const path of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  try {
    console.log((await verifyBundle(await openAsBlob(path))).verified ? 0 : 1);
  } catch (error) {
    if (!(error instanceof NotABundle)) throw error;
    console.log(2);
  }
}
