"""One machine's whole pipeline as a tree of processes.

restart      whether and when a crashed child is started again          pure
child        one run of one process
supervisor   keeps several processes running
tree         broker, topics, poller, worker, deliver, archive; what `up` and the demo run
"""

from pipeline.supervise.child import ChildSpec
from pipeline.supervise.restart import Crash, GiveUp, Restart, decide_restart
from pipeline.supervise.supervisor import Supervisor
from pipeline.supervise.tree import Tree

__all__ = ["ChildSpec", "Crash", "GiveUp", "Restart", "Supervisor", "Tree", "decide_restart"]
