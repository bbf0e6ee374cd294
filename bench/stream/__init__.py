"""Articles per second and core of the two-stage job (deduplicate, flag), ours beside what others would write.

articles     synthetic news of about 3 KB; one in twenty holds a denial or an allegation
tutorial     the job as Faust's tutorial writes it: Record, Table, await send; two agents, or one
loops        the job as a bare loop over aiokafka or kafka-python, and a Faust agent that only forwards
contender    how each of them is started
trial        one run: warm up, stop, fill the topic, let go, take the CPU seconds, look for every article
__main__     all of them in turn, medians, ratios, JSON
"""
