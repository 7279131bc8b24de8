__all__: list[str]

from .call_batches import CallBatches as CallBatches
from .celery import CelerySignals as CelerySignals
from .crewai import SwarmEventListener as SwarmEventListener
from .langchain import SwarmCallbackHandler as SwarmCallbackHandler
from .openai_agents import SwarmTracingProcessor as SwarmTracingProcessor
from .ray import BatchedActor as BatchedActor
