"""Verifies many bundles with scripts/verify.py: the paths come on standard input, a line each, with those of root certificates and of an
earlier checkpoint behind tabs, empty where there are none. The exit codes come on standard output."""

import contextlib
import io
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "scripts"))
import verify  # noqa: E402

for line in sys.stdin.read().splitlines():
    path, *given = line.split("\t")
    options = zip(("--tsa-roots", "--checkpoint"), given)
    sys.argv = ["verify.py", path] + [word for option, file in options if file for word in (option, file)]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = verify.main()
    assert code == 2 or said.getvalue().startswith("VERIFIED" if code == 0 else "NOT VERIFIED"), said.getvalue()
    print(code)
