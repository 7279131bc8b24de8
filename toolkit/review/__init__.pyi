__all__: list[str]

from .change import rules as rules
from .comparison import compare as compare
from .comparison import compare_rows as compare_rows
from .comparison import detectable_effects as detectable_effects
from .comparison import render_comparison as render_comparison
from .facts import Facts as Facts
from .facts import read_facts as read_facts
from .history_review import Review as Review
from .history_review import review as review
from .html import render_html as render_html
from .spent import spending_by as spending_by
from .text import render_text as render_text
