"""Runs in Aodh's environment: gives its notifier what the evaluator would put into its queue.

A line of standard input is one notification; when it has been dealt with, a line says so. What
became of it is in Aodh's own log, before that line.
"""

import json
import sys

from aodh import notifier, service
from stevedore import extension

DONE = "-- done --"

conf = service.prepare_service([], config_files=[sys.argv[1]], with_gmr=False)
endpoint = notifier.AlarmEndpoint(
    extension.ExtensionManager(
        notifier.AlarmNotifierService.NOTIFIER_EXTENSIONS_NAMESPACE,
        invoke_on_load=True,
        invoke_args=(conf,),
    )
)
for line in sys.stdin:
    endpoint.sample([{"payload": json.loads(line)}])
    print(DONE, file=sys.stderr, flush=True)
