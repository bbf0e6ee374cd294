"""How a message leaves: composed once, rendered by each channel in its own way, sent within a bounded time.

story              a thread's event → what a message tells of it; what changed             pure
compose            a message → headline, sentences, quotes: who says what against whom     pure
clean, defang      what no text of an article may carry into a channel                     pure
templates          config/templates, the operator's before the shipped ones
body               the webhook's JSON, below 20 kB                                         pure
channels           all of them behind one door
webhook, email, chat, feed, terminal                                                       edges

The package itself imports nothing: the worker needs `story`, and neither mail nor templates nor signatures.
"""
