__all__: list[str]

from .call_batches import CallBatches as CallBatches
from .celery import CelerySignals as CelerySignals
from .langchain import SwarmCallbackHandler as SwarmCallbackHandler
from .openai_agents import SwarmTracingProcessor as SwarmTracingProcessor
