#!/usr/bin/env python3
"""What has been given to a port host, and is taken back.

Several documents are given to a host at a time; those that it has not started
can be had back.
"""

import harness
import spooling
from printer import Printer

SMALL = b"a small one\n"
BIG = bytes(range(256)) * 1024          # far more than the printer takes


class Recall(spooling.SpoolCase):
    """A printer that takes only what the test reads."""

    def setUp(self):
        super().setUp()
        self.printer = Printer(self.daemon.dir)

    def tearDown(self):
        self.printer.close()
        super().tearDown()

    def begin(self, port="", **kwargs):
        self.daemon.configure(monitor="mock",
                              port=self.printer.settings(port), **kwargs)
        self.start()

    def speed_up(self):
        """The port is given many, for it is fast."""
        for _ in range(6):
            self.accept(SMALL)
            self.printer.read(len(SMALL))
            self.wait_jobs(lambda jobs: not jobs)

    def give(self, *documents):
        """All at once."""
        self.ask("/v1/queues/q/pause", "POST")
        self.accept(*documents)
        self.ask("/v1/queues/q/resume", "POST")

    def states(self):
        return [j["state"] for j in sorted(self.jobs("all"),
                                           key=lambda j: j["id"])]

    def test_the_document_in_work_is_not_called_back(self):
        """The first is printed, the second takes its time, the third comes
        back from the host, and the first is known to be printed already."""
        self.begin()
        self.speed_up()
        before = len(self.states())
        self.give(SMALL, BIG, SMALL)
        self.printer.read(len(SMALL))
        harness.wait_for(
            lambda: self.states()[before:] ==
            ["completed", "processing", "pending"],
            lambda: f"the third to come back: {self.states()}\n"
            f"{self.daemon.log()}")
        self.assertEqual(self.printer.read(len(BIG)), BIG)
        self.assertEqual(self.printer.read(len(SMALL)), SMALL)
        self.wait_jobs(lambda jobs: not jobs)
        self.assertTrue(self.printer.is_empty())
        self.assertEqual([(j["attempts"], j["restarted"])
                          for j in self.jobs("all")],
                         [(1, False)] * (before + 3))

    def test_a_job_is_canceled_while_its_port_is_opened(self):
        """The host forgets it, and prints the next when it is through."""
        self.begin("open_ms = 2000\n")
        self.accept(BIG)
        self.printer.wait_call("open p")
        job, = self.jobs()
        self.ask(f"/v1/jobs/{job['id']}/cancel", "POST")
        self.daemon.wait_log("port opened")
        self.accept(SMALL)
        self.assertEqual(self.printer.read(len(SMALL)), SMALL)
        self.wait_jobs(lambda jobs: not jobs)
        self.assertEqual(sorted(self.states()), ["canceled", "completed"])
        self.assertTrue(self.printer.is_empty())
        self.assertNotIn("port host is gone", self.daemon.log())


if __name__ == "__main__":
    harness.main()
