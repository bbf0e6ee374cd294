"""A made-up little world in `seeds/demo/`, through the whole pipeline, with its outcome written down beforehand.

template        feed templates → bytes                                          pure
server          serves them over HTTP, with validators and a second variant     edge
configuration   the settings that the demo runs with                            edge
expectations    what must be seen of articles and flags, and whether it was     pure
disputes        the same of copies and threads                                  pure
alerts          the same of what subscribers are told, and what arrived         pure
receiver        a subscriber's webhook, which verifies every signature          edge
watch           what came by on the topics, and when all of it has              pure
report          the summary, for people and machines                            pure
run             puts them together around the supervised tree                   edge
"""
