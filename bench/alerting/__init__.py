"""From the fetch of an article to the webhook that tells of it, and what a delivery costs.

stories     articles that begin a story each, subscriptions of which a known number is for each, the webhooks expected
receivers   webhooks in this process: they answer at once, or never
whole       the real worker and the real delivering process: fetched → received, and where the time goes
alone       the delivering process by itself: CPU a delivery, deliveries a second, and beside an endpoint that hangs
__main__    both, tables, JSON
"""
