"""The page and the service: pictures made small over HTTP.

``app`` puts the routes together, ``pool`` runs the work in processes, ``work`` says what is done in
them, ``settings`` is what an operator chooses. The data files beside them are the pages' markup,
style, scripts and texts.
"""
