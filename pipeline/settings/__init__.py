"""The configuration: one door (`load`), read whole, every problem said with file, line, value and what to do.

models        the shapes of the files                                                 pure
checks        what a URL, a code, a domain or an address must look like               pure
consistency   what is right alone and wrong together                                  pure
environment   COUNTERCLAIM_<SECTION>_<FIELD> over the file                            edge
feeds         the operator's list: include, feeds, drop, override                     edge
outlets       who owns whom                                                           edge
subscriptions who is told of what; secrets, which stand elsewhere                     edge
load          all of it, and the rules                                                edge
schemas       JSON Schemas, for editors and other tools
"""
