"""What staff are told where Flow's answer came after people had decided, and money runs that they may not know of.

An order keeps one of these as the end of its problem, by which it is known for what it is.
"""

ALREADY_LIVE = (
    "Flow answered late that this order is live already; its campaigns are followed. Sending it again would spend the money "
    "twice. Cancel the campaigns if they are not wanted; “Cancel order” ends the order here alone."
)
TWICE = (
    "Flow published this order twice, in different attempts, and the money is spent twice. Look at its campaigns and cancel "
    "those that are too many."
)
OTHER_IDS = (
    "Flow's late answer names other tracking ids than people gave. Those that Flow does not name are of another attempt, whose "
    "money is spent as well, or of another order. Look at Flow which they are, and cancel the campaigns that are too many."
)
IDS_OF_OTHERS = (
    "Flow answered late that it took this order, with tracking ids that belong to other orders here: one of them was settled "
    "wrongly. This order is not sent again. Look at Flow whose campaigns these are, and cancel those that are not wanted; "
    "“Cancel order” ends the order here alone."
)
