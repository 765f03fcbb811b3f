"""Who does the work: admission, the workers, deadlines. Batches in, reports out.

Where to look: ``task`` is a piece of work, ``admission`` says how much may be in flight,
``threads`` is the engine that runs in this process, ``worker`` what each of its threads does,
``frame`` how one frame is done, ``desk`` the buffers a worker has borrowed, ``meter`` counts.
"""

from framesrv.engine.admission import Admission
from framesrv.engine.settings import EngineSettings
from framesrv.engine.task import Answer, Engine, Incoming, Task
from framesrv.engine.threads import ThreadEngine

__all__ = ["Admission", "Answer", "Engine", "EngineSettings", "Incoming", "Task", "ThreadEngine"]
