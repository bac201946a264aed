import os
import subprocess
import sys
import time
from pathlib import Path

from noren_kit.testing.live import live_server


def test_probe(shop, tmp_path):
    tok=shop.token("owner")
    with live_server() as base:
        t=time.time()
        cmd=[str(Path(sys.executable).parent/"schemathesis"),"run",base+"/api/schema/","-H","Authorization: Bearer "+tok,
         "--checks","not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance",
         "--mode","all","--seed","20260101","--generation-deterministic","--phases","examples,coverage,fuzzing","--workers","1","--max-examples",os.environ.get("EX","20"),
         "--continue-on-failure","--report","json,ndjson","--report-json-path","/tmp/st.json","--report-ndjson-path","/tmp/st.ndjson","--no-color","--request-timeout","20"]
        d=subprocess.run(cmd,cwd=tmp_path,capture_output=True,text=True)
        print("rc",d.returncode,time.time()-t)
        Path("/tmp/st.out").write_text(d.stdout+d.stderr)
