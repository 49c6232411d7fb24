"""What estimators are made of: parameters, validation, labels, and the way from them to a network.

Knows all other private folders; nothing in them knows it.
"""
