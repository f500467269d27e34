"""Spark's driver: a Java process of this one's own, with settings under which it tells nobody anything.

What it writes lies in one private folder, encrypted with a key that it keeps in memory; its standard streams lead
nowhere, it has no page, no log of events and no temporary files elsewhere. On this machine it listens on the loopback
interface alone. Connections need a secret and, on a cluster, are encrypted. Work that fails is never tried again in
part: it could be worked out from rows that were numbered otherwise.
"""

import atexit
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from py4j.java_gateway import JavaGateway
from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from release.confidential.database.scratch import own_folder
from release.config.office import SparkPlace
from release.errors import EnvironmentRefusedError, UsageError

SETTINGS = {
    "spark.app.name": "mirrors",
    "spark.submit.deployMode": "client",
    # nothing is shown or written down
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    "spark.log.level": "OFF",
    # what is spilled or sent
    "spark.io.encryption.enabled": "true",
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    # nothing is worked out twice
    "spark.task.maxFailures": "1",
    "spark.stage.maxConsecutiveAttempts": "1",
    "spark.speculation": "false",
    "spark.dynamicAllocation.enabled": "false",
    # a value is what the rules make of it, and stops nothing
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # where they aren't mapped; else they are refused
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.catalogImplementation": "in-memory",
}
_HERE = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
_JAVA = ("-XX:-UsePerfData", "-XX:+DisableAttachMechanism", "-XX:-HeapDumpOnOutOfMemoryError")
_REFUSED = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "SPARK_SUBMIT_OPTS", "PYSPARK_SUBMIT_ARGS")
_FOREIGN = ("PYSPARK_GATEWAY_PORT", "SPARK_REMOTE")
_SECONDS_TO_END = 30


class Driver:
    """A driver and its session; both end with `close`, or at the latest with this process.

    `descriptors` are open files of this process that the driver has open too, under the same numbers.
    """

    def __init__(
        self, place: SparkPlace, *, folder: Path, descriptors: Sequence[int] = (), more: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Start it.

        Raises:
            EnvironmentRefusedError: a variable would change what the driver runs.
            UsageError: it doesn't start, as without Java.
        """
        _check_variables()
        self._own = own_folder(folder.resolve(), "spark")
        self._gateway: JavaGateway | None = None
        self._context: SparkContext | None = None
        atexit.register(self.close)
        conf = SparkConf(loadDefaults=False)
        conf.setAll([*_settings(place, self._own).items(), *more])
        try:
            nowhere = subprocess.DEVNULL
            streams = {"stdout": nowhere, "stderr": nowhere, "pass_fds": tuple(descriptors), "cwd": self._own}
            self._gateway = launch_gateway(conf, streams)
            self._context = SparkContext(gateway=self._gateway, conf=conf)
            self.session = SparkSession(self._context)
        except Exception:  # noqa: BLE001 - Java's words may be anything
            self.close()
            raise UsageError(
                f"Spark can't be started at {place.master}: it needs Java 17 or 21, and a cluster has to answer and to"
                " know a secret (spark.authenticate). No record was interpreted, and nothing more was charged."
            ) from None

    @property
    def process(self) -> int | None:
        """The id of Java's process, while it runs."""
        return None if self._gateway is None else int(self._gateway.proc.pid)

    def close(self) -> None:
        """End the session and the driver's process, and remove what they wrote."""
        atexit.unregister(self.close)
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            with suppress(Exception):
                self._stop(gateway)
            gateway.proc.kill()
            gateway.proc.wait()
            SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001 - so that another can be started
        shutil.rmtree(self._own, ignore_errors=True)

    def _stop(self, gateway: JavaGateway) -> None:
        if self._context is not None:
            self._context.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(_SECONDS_TO_END)


def on_this_machine(place: SparkPlace) -> bool:
    """Decide whether all work is done in the driver's own process."""
    return place.master == "local" or place.master.startswith("local[")


def _settings(place: SparkPlace, own: Path) -> dict[str, str]:
    java = (*_JAVA, f'"-Djava.io.tmpdir={own}"', f'"-XX:ErrorFile={own}/error.log"')
    return {
        **SETTINGS,
        **(_HERE if on_this_machine(place) else {}),
        "spark.master": place.master,
        "spark.driver.memory": place.driver_memory,
        "spark.driver.extraJavaOptions": " ".join(java),
        "spark.local.dir": str(own),
        "spark.sql.warehouse.dir": f"{own}/warehouse",
    }


def _check_variables() -> None:
    findings = [f"{name} is set: it loads foreign code into Spark's process" for name in _REFUSED if name in os.environ]
    findings += [f"{name} is set: records would go to a foreign process" for name in _FOREIGN if name in os.environ]
    if findings:
        raise EnvironmentRefusedError(findings)
