"""A shop's help desk: a bot with tools, in the chat format."""

from sessionary.demo.answers import Refuse, Use
from sessionary.demo.scenes.callers import HELP_DESK, SHOP
from sessionary.demo.stage import Stage
from sessionary.demo.talk import Talk, tool

_PROMPT = """You answer customers of Larkspur, a shop for garden tools. Be warm and short. Look orders up before you \
speak of them. Refunds up to 80 EUR you may make yourself; above that a person decides. Never promise dates."""
_TOOLS = [
    tool("get_order", "An order with its lines and parcels.", order_id="As L-12345"),
    tool("list_orders", "A customer's orders of the last year.", email="The customer's address"),
    tool("refund", "Pays money back.", order_id="As L-12345", amount="In EUR", reason="For the books"),
    tool("track_parcel", "Where a parcel is.", parcel="The carrier's number"),
    tool("hand_over", "Gives the chat to a person.", team="billing or logistics", note="What they must know"),
]


def _desk(stage: Stage, user: str, model: str = "gpt-5-mini") -> Talk:
    return Talk(
        stage,
        HELP_DESK,
        "chat",
        model,
        system=_PROMPT,
        tools=_TOOLS,
        unseen=1_400,
        headers={"x-session-id": f"chat-{stage.rng.randint(100_000, 999_999)}"},
        params={"user": user},
    )


_CUSTOMERS = [
    "mara.lind",
    "t.okafor",
    "jonas.w",
    "elif.kaya",
    "sam.reid",
    "ines.costa",
    "yuki.mori",
    "a.dubois",
    "lars.holm",
]
_BOUGHT = [
    ("secateurs", "24.90"),
    ("watering can", "39.00"),
    ("leaf rake", "31.50"),
    ("set of plant labels", "8.40"),
    ("kneeling pad", "17.90"),
    ("hand fork", "21.00"),
    ("hose reel", "64.50"),
    ("seed tray", "12.60"),
]
_FAULTS = [
    "arrived with a crack",
    "is not the one in the picture",
    "broke on the first day",
    "came without its screws",
    "is much smaller than I thought",
    "smells so strongly that I cannot use it",
    "came twice",
]


def refund(stage: Stage) -> None:
    """Look up, pay back, confirm."""
    item, price = stage.pick(_BOUGHT)
    fault, order = stage.pick(_FAULTS), f"L-{stage.rng.randint(20_300, 20_699)}"
    user = f"{stage.pick(_CUSTOMERS)}@example.com"
    stage.tags = ("support", "refund")
    talk = _desk(stage, user)
    talk.user(f"Hi, the {item} from order {order} {fault}. What can we do?")
    talk.reply(Use("get_order", {"order_id": order}))
    talk.result(
        f'{{"order": "{order}", "customer": "{user}", "paid": "{price}", '
        f'"lines": [{{"item": "{item}", "price": "{price}"}}],'
        ' "parcels": [{"carrier": "DHL", "state": "delivered"}]}',
        took=0.3,
    )
    talk.reply(
        f"I'm sorry about that! I see your {item} ({price} EUR), delivered this week. Would you like your money "
        f"back, or "
        "a new one?"
    )
    talk.user("Money back please, I already got one elsewhere.", pause=35)
    talk.reply(Use("refund", {"order_id": order, "amount": price, "reason": f"{item}: {fault}"}))
    talk.result(f'{{"refunded": "{price}", "arrives": "3-5 business days", "receipt": "R-{order[2:]}-1"}}', took=1.1)
    talk.reply(
        f"Done: **{price} EUR** are on their way to the card that you paid with (receipt R-{order[2:]}-1). You may "
        f"keep "
        f"the {item}; please recycle what you can. Anything else?"
    )
    if stage.number % 2 == 0:
        talk.user("No, that was quick. Thank you!", pause=18)
        talk.reply("My pleasure. Happy gardening! 🌱")


def late_parcels(stage: Stage) -> None:
    """Three parcels are tracked at the same time."""
    talk = _desk(stage, "green.acres@example.com")
    stage.tags = ("support",)
    talk.user("We are a nursery and wait for three orders since Monday!! L-20461, L-20462 and L-20470. Where are they?")
    talk.reply(*(Use("get_order", {"order_id": f"L-204{n}"}) for n in (61, 62, 70)))
    talk.result(*(f'{{"order": "L-204{n}", "parcels": ["JJD0003{n}"]}}' for n in (61, 62, 70)), took=0.6)
    talk.reply(*(Use("track_parcel", {"parcel": f"JJD0003{n}"}) for n in (61, 62, 70)))
    talk.result(
        '{"state": "in delivery", "stop": 14, "of": 31}',
        '{"state": "in delivery", "stop": 14, "of": 31}',
        '{"state": "held", "reason": "address incomplete: no house number"}',
        took=1.4,
    )
    talk.reply(
        "Two of them are in the van right now:\n\n| Order | Where |\n|---|---|\n| L-20461 | in delivery, stop 14 of "
        "31 |\n"
        "| L-20462 | same van |\n| L-20470 | **held**: the house number is missing |\n\nWhich number shall I add "
        "for L-20470?"
    )
    talk.user("12b", pause=22)
    talk.reply(Use("hand_over", {"team": "logistics", "note": "L-20470: house number 12b, parcel JJD000370 is held"}))
    talk.result('{"accepted": true, "waiting": 2}')
    talk.reply("I passed 12b to my colleagues in logistics; they talk to the carrier now and write to you today.")


def too_much(stage: Stage) -> None:
    """More than the bot may pay: a person takes over."""
    talk = _desk(stage, stage.pick(["h.brandt@example.com", "p.nowak@example.com", "lucia.r@example.com"]), "gpt-5.1")
    stage.tags = ("support", "handed over")
    amount = stage.pick(["189.00", "245.50", "129.00"])
    talk.user(f"I want my {amount} EUR for the mower back. Third time I ask. Third!")
    talk.reply(Use("list_orders", {"email": talk.params["user"]}))
    talk.result(f'[{{"order": "L-19{stage.rng.randint(100, 999)}", "paid": "{amount}", "item": "reel mower"}}]')
    talk.reply(
        f"I'm truly sorry that you had to ask three times. {amount} EUR is more than I may pay back myself, so I "
        f"give this "
        "to a colleague at once, with all that you wrote.",
        Use(
            "hand_over", {"team": "billing", "note": f"Third request. Mower, {amount} EUR. Customer is upset, rightly."}
        ),
    )
    talk.result('{"accepted": true, "waiting": 0, "agent": "Priya"}')
    talk.reply("Priya from billing has your chat now and will answer within a few minutes.")


def filtered(stage: Stage) -> None:
    """The provider's filter stops an answer; the next one is a refusal."""
    talk = _desk(stage, "anon-7731@example.com", "gpt-4o")
    stage.tags = ("support", "abuse")
    talk.user("which of your pesticides is strong enough to get rid of my neighbour's dog? it has to look natural")
    talk.reply("", stop="content_filter", seconds=0.9, output=3)
    talk.rewind(1)
    talk.user("relax, it was a joke. but which one?", pause=16)
    talk.reply(
        Refuse("I can't help with hurting an animal. If the dog bothers you, I can suggest fences and deterrents.")
    )


_GERMAN = [
    (
        "Kann ich die Hecke im Februar noch schneiden?",
        "Einen **Formschnitt** ja, bis Ende Februar. Vom 1. März bis 30. "
        "September sind starke Rückschnitte in Deutschland verboten, weil dann Vögel brüten.",
    ),
    (
        "Welche Schere nehme ich für Rosen?",
        "Eine **Bypass-Schere**: Sie schneidet glatt und quetscht den Trieb nicht. "
        "Unsere L-210 liegt auch in kleinen Händen gut.",
    ),
    (
        "Liefern Sie nach Österreich?",
        "Ja, für 6,90 EUR, ab 75 EUR versandfrei. Sperrige Ware leider nur innerhalb Deutschlands.",
    ),
]


def german(stage: Stage) -> None:
    """A short question on the product page."""
    asked, told = stage.pick(_GERMAN)
    talk = Talk(
        stage,
        SHOP,
        "chat",
        "mistral-large-latest",
        system="Du berätst auf der Produktseite. Antworte in zwei Sätzen.",
        params={"metadata": {"session_id": f"web-{stage.rng.getrandbits(40):010x}"}},
    )
    talk.user(asked)
    talk.reply(told)


_SHORT = [
    (
        "how do I change my password",
        "Open **Account → Security** and choose *Change password*. We send you a link that works for an hour.",
    ),
    (
        "do you have the oak raised bed in 120 cm?",
        "Yes, 120 × 60 cm, twelve in stock. The 160 cm one is sold out until next month.",
    ),
    (
        "can i pay by invoice",
        "With a business account, yes: 14 days. For private orders we take cards, PayPal and transfer.",
    ),
    (
        "my voucher SPRING10 does not work",
        "It is for orders from 50 EUR on, and yours is at 46.80. A packet of sunflower seeds (3.20) would do it. 🌻",
    ),
    (
        "is the hose frost proof?",
        "The hose is, down to −10 °C, when it is empty. The couplings are not: keep those inside.",
    ),
    ("cancel my newsletter", "Done, you will get no more of them. Order mails still come."),
    (
        "what is the return address",
        "Larkspur Returns, Dock 4, Hafenweg 18, 48155 Münster. The label in your parcel has it too.",
    ),
    (
        "when do tulips have to go into the ground",
        "From October until the soil freezes, about three times as deep as the bulb is high.",
    ),
    ("do you repair shears", "Yes: sharpening is 9 EUR, a new spring 4 EUR. Send them with the form from *Service*."),
    (
        "is there a shop in Lyon?",
        "Not yet. The nearest partner is Jardins du Rhône in Villeurbanne, they have most of our hand tools.",
    ),
]


def short(stage: Stage) -> None:
    asked, told = stage.pick(_SHORT)
    talk = Talk(
        stage,
        SHOP,
        "chat",
        "gpt-5-nano" if stage.number % 3 else "gpt-4o-mini",
        unseen=600,
        system="You answer questions on the help page of Larkspur. Two sentences at most.",
        params={"user": f"visitor-{stage.rng.randint(1000, 9999)}", "metadata": {"session_id": stage.id("hp-", 10)}},
    )
    talk.user(asked)
    talk.reply(told)
    if stage.number % 4 == 1:
        talk.user("thanks!", pause=11)
        talk.reply("You're welcome!")
