"""People who talk with a model: edits, languages, code, tables, a very long one."""

from sessionary.demo.answers import Say, Think
from sessionary.demo.scenes.callers import ANTHROPIC, CURL, PLAYGROUND, RESEARCH
from sessionary.demo.stage import Stage
from sessionary.demo.talk import Talk


def edited(stage: Stage) -> None:
    """Goes back twice and says something else: three branches, without any id. What is said tells."""
    talk = Talk(stage, PLAYGROUND, "chat", "claude-sonnet-4-5", system="You plan journeys by train.")
    talk.user("Plan four days from Vienna to the sea and back, by train, in May.")
    talk.reply(
        "By the Semmering to **Trieste**, about nine hours, one change in Ljubljana.\n\n1. **Day 1** Vienna → "
        "Ljubljana, an "
        "evening by the river\n2. **Day 2** Ljubljana → Trieste through the Karst\n3. **Day 3** Miramare, the "
        "cliffs of "
        "Duino, a swim\n4. **Day 4** back, the early train\n\nShall I look for hotels or for food?"
    )
    mark = len(talk.history)
    talk.user("For food, please.", pause=40)
    talk.reply(
        "In Trieste: *jota* at a buffet in the old town, sardoni at the fish market, and coffee, which has its own "
        "language there: ask for a **capo in b**."
    )
    talk.rewind(mark)
    talk.user("For hotels. Quiet ones, under 120 a night.", pause=65)
    talk.reply(
        "Three quiet ones:\n\n| Where | Night | Why |\n|---|---:|---|\n| Ljubljana, Trnovo | 95 € | a garden, ten "
        "minutes on "
        "foot to the centre |\n| Trieste, San Vito | 110 € | above the harbour, no bars |\n| Duino | 88 € | by the "
        "cliffs, "
        "the bus stops outside |"
    )
    talk.user("Take Duino for two nights instead of Ljubljana.", pause=30)
    talk.reply("Then: night train to Trieste, two nights in Duino, one in Trieste. You gain an afternoon at the sea.")
    talk.rewind(mark)
    talk.user("Rather to Rijeka, is that possible?", pause=90)
    talk.reply("Yes: Vienna → Maribor → Ljubljana → Rijeka, ten and a half hours. The last hour runs down to the bay.")


def regenerated(stage: Stage) -> None:
    """The same question again, because the first answer did not please."""
    talk = Talk(
        stage,
        PLAYGROUND,
        "chat",
        "gpt-4o",
        headers={"x-session-id": stage.uuid(), "x-session-name": "Names for a bakery"},
    )
    talk.user("Five names for a bakery that only opens at night.")
    talk.reply("1. Midnight Crumb\n2. The Late Loaf\n3. Moonrise\n4. Half Past Rye\n5. Owl & Oven")
    for answer in (
        "1. Nachtbrot\n2. Second Sleep\n3. 3 a.m. Bread\n4. The Lamplighter\n5. Dough & Dusk",
        "1. Small Hours\n2. Warm Dark\n3. The Unlit Oven\n4. Bread for Bats\n5. Tomorrow's Bread",
    ):
        talk.rewind(1)
        stage.wait(12)
        talk.reply(answer)
    talk.user("Small Hours it is! A line for the sign?", pause=20)
    talk.reply("*Small Hours. Bread for everyone who is still up.*")


def arabic(stage: Stage) -> None:
    """Right to left, with numbers and English words in between."""
    talk = Talk(stage, PLAYGROUND, "chat", "gpt-5.1", system="أنت طاهٍ خبير. أجب باختصار وبخطوات مرقمة.")
    talk.user("كيف أحضّر المقلوبة بالباذنجان لستة أشخاص؟")
    talk.reply(
        "**مقلوبة الباذنجان** (90 دقيقة)\n\n1. اقلِ 3 حبات باذنجان مقطّعة حتى تحمرّ.\n2. اسلق 1 كغ دجاج مع القرفة "
        "والهيل.\n"
        "3. رتّب الباذنجان ثم الدجاج ثم 3 أكواب أرز بسمتي.\n4. أضف 4 أكواب من المرق واطبخ على نار هادئة 35 دقيقة.\n"
        "5. اتركها 10 دقائق ثم **اقلب القدر**.\n\nقدّمها مع اللبن (yoghurt) واللوز."
    )
    talk.user("وماذا لو لم يكن عندي دجاج؟", pause=33)
    talk.reply("استعمل الحمّص المسلوق: 2 كوب، وزِد ملعقة بهارات. الوقت نفسه تقريبًا.")


def japanese(stage: Stage) -> None:
    talk = Talk(stage, RESEARCH, "chat", "gemini-2.5-flash", headers={"x-session-id": stage.id("yado-", 12)})
    talk.user("京都から日帰りで、雨でも楽しめる場所を三つ教えてください。")
    talk.reply(
        "雨の日におすすめの三か所です。\n\n1. **宇治** — 平等院の鳳翔館と、抹茶の老舗めぐり（電車で約20分）\n"
        "2. **大津** — 琵琶湖博物館、トンネル水槽が見もの（約40分）\n3. **奈良** — 国立博物館の仏像館（約45分）\n\n"
        "どこも駅から屋根のある道が多いです。"
    )
    talk.user("では宇治にします。昼食は？", pause=25)
    talk.reply("駅前の「茶そば」をどうぞ。11時半までに入ると並ばずにすみます。")


def chinese(stage: Stage) -> None:
    talk = Talk(stage, PLAYGROUND, "chat", "gpt-5-mini")
    asked = stage.pick(
        [
            (
                "用三句话解释什么是向量数据库",
                "它把文本变成向量保存。查询时找距离最近的向量，而不是相同的词。因此“汽车”也能找到“轿车”。",
            ),
            (
                "帮我把这句话写得更礼貌：你怎么还没回我邮件",
                "“您好，不知您是否有时间看到我上周的邮件？期待您的回复，谢谢！”",
            ),
        ]
    )
    talk.user(asked[0])
    talk.reply(asked[1])


def languages(stage: Stage) -> None:
    """The same function in four languages: what code looks like."""
    talk = Talk(stage, RESEARCH, "responses", "gpt-5.1", chain=True, think=4)
    talk.user("Show me a token bucket rate limiter in Python, then I'll ask for others.")
    talk.reply(
        Think("**Choosing a minimal form**\n\nA class with capacity and rate, monotonic time, no threads."),
        '```python\nimport time\n\n\nclass Bucket:\n    """`rate` tokens a second, at most `size` of them."""\n\n'
        "    def __init__(self, rate: float, size: float) -> None:\n        self.rate, self.size = rate, size\n"
        "        self.tokens, self.at = size, time.monotonic()\n\n    def take(self, n: float = 1) -> bool:\n"
        "        now = time.monotonic()\n        self.tokens = min(self.size, self.tokens + (now - self.at) * "
        "self.rate)\n"
        "        self.at = now\n        if self.tokens < n:\n            return False\n        self.tokens -= n\n"
        "        return True\n```\n\nIt never waits: whoever gets `False` decides what to do.",
    )
    talk.user("In Rust.", pause=44)
    talk.reply(
        "```rust\nuse std::time::Instant;\n\npub struct Bucket {\n    rate: f64,\n    size: f64,\n    tokens: f64,\n"
        "    at: Instant,\n}\n\nimpl Bucket {\n    pub fn take(&mut self, n: f64) -> bool {\n"
        "        let now = Instant::now();\n        let earned = (now - self.at).as_secs_f64() * self.rate;\n"
        "        self.tokens = (self.tokens + earned).min(self.size);\n        self.at = now;\n"
        "        if self.tokens < n {\n            return false;\n        }\n        self.tokens -= n;\n        "
        "true\n    }\n}\n```"
    )
    talk.user("And in SQL, for PostgreSQL, one row a user.", pause=50)
    talk.reply(
        Think(
            "**One statement**\n\nAn UPDATE with RETURNING takes the row's lock, so no transaction is needed around it."
        ),
        "```sql\nUPDATE buckets\n   SET tokens = LEAST(size, tokens + EXTRACT(EPOCH FROM now() - at) * rate) - 1,\n"
        "       at = now()\n WHERE user_id = $1\n   AND LEAST(size, tokens + EXTRACT(EPOCH FROM now() - at) * rate) "
        ">= 1\n"
        "RETURNING tokens;\n```\n\nNo row comes back: no token was left. The `UPDATE` holds the row's lock, so two "
        "requests "
        "at once cannot both take the last one.",
    )
    talk.user("A diff of the Python one that makes it thread-safe?", pause=28)
    talk.reply(
        "```diff\n     def take(self, n: float = 1) -> bool:\n-        now = time.monotonic()\n+        with "
        "self.lock:\n"
        "+            return self._take(n)\n+\n+    def _take(self, n: float) -> bool:\n+        now = "
        "time.monotonic()\n```"
    )


def compared(stage: Stage) -> None:
    """A table, and what was counted."""
    talk = Talk(stage, PLAYGROUND, "chat", "gemini-2.5-pro", headers={"x-session-name": "Which database for the logs"})
    talk.user("Compare SQLite, PostgreSQL and ClickHouse for 50 million log rows a day, in a table.")
    talk.reply(
        "| | SQLite | PostgreSQL | ClickHouse |\n|---|:---:|:---:|:---:|\n| Rows a second, one node | 80 k | 120 k "
        "| **1 M+** |\n"
        "| A day on disk | 14 GB | 22 GB | **2.1 GB** |\n| Look up one row | **fast** | **fast** | slow |\n| Sum "
        "over a month | "
        "minutes | minutes | **< 1 s** |\n| Update a row | yes | yes | rarely |\n| To operate | nothing | little | "
        "some |\n\n"
        "> Below five million rows a day I would not leave PostgreSQL.\n\nAt **50 million** a day the disk decides: "
        "ClickHouse, with the newest hour in PostgreSQL where single rows are looked up."
    )
    talk.user("and if we keep only 7 days?", pause=52)
    talk.reply(
        "Then 150 GB in PostgreSQL, in daily partitions that are dropped whole. That is *boring*, which is good."
    )


def novel(stage: Stage) -> None:
    """Three evenings, with days between them."""
    talk = Talk(
        stage,
        ANTHROPIC,
        "messages",
        "claude-opus-4-5",
        system="You are a patient editor. Never rewrite; point out, and ask.",
        params={"metadata": {"session_id": "novel: the salt road"}},
    )
    stage.name = "The Salt Road, chapter 3"
    talk.user("Here is the opening of chapter 3: 'The road was white before the snow came.' Does it work?")
    talk.reply(
        "It works: *white* is salt first, snow later. Whose eyes is it, Ilse's? Then she would smell it before seeing."
    )
    talk.user("Ilse's. 'The road smelled of the sea, four days from any shore.'", pause=300)
    talk.reply("Better than mine. Now the reader asks *why*, and turns the page. What does Ilse want on this road?")
    talk.user("I slept over it. She wants to be followed.", pause=26 * 3600)
    talk.reply(
        Think("That changes the chapter: she leaves traces."), "Oh, that is good. Then let her **drop** something."
    )
    talk.user("She sells her horse in every town, and buys another. So people remember.", pause=49 * 3600)
    talk.reply("Yes. And the third trader refuses her coin. Who is on it?")


def role_play(stage: Stage) -> None:
    """Three hundred calls of one learner with one tutor."""
    talk = Talk(
        stage,
        RESEARCH,
        "chat",
        "gpt-4o-mini",
        headers={"x-session-id": "spanish-course-nora"},
        params={"user": "nora"},
        system="You teach Spanish. One sentence at a time; correct the last one, then give the next to translate.",
    )
    stage.name = "Spanish with Nora, from zero to 300 sentences"
    stage.tags = ("course",)
    talk.user("Hola! Let's start.")
    rng = stage.rng
    for n in range(300):
        who, does, what = rng.choice(_WHO), rng.choice(_DOES), rng.choice(_WHAT)
        praise = rng.choice(_PRAISE) if n else "¡Hola, Nora! We begin slowly."
        talk.reply(f"{praise} **{n + 1}.** {who[0]} {does[0]} {what[0]}.")
        if n < 299:
            pause = rng.uniform(6, 40) if n % 20 != 19 else rng.uniform(3, 9) * 3600
            talk.user(f"{who[1]} {does[1]} {what[1]}.", pause=pause)


_PRAISE = ("¡Muy bien!", "¡Perfecto!", "¡Eso es!", "Exactly.", "¡Genial!", "Right, and without looking anything up?")
_WHO = (
    ("My sister", "Mi hermana"),
    ("The neighbour", "El vecino"),
    ("Our teacher", "Nuestra maestra"),
    ("A tired cook", "Un cocinero cansado"),
    ("The old captain", "El viejo capitán"),
    ("Nobody", "Nadie"),
    ("Your cat", "Tu gato"),
    ("The baker", "El panadero"),
)
_DOES = (
    ("buys", "compra"),
    ("forgets", "olvida"),
    ("paints", "pinta"),
    ("looks for", "busca"),
    ("dreams of", "sueña con"),
    ("repairs", "repara"),
    ("gives away", "regala"),
)
_WHAT = (
    ("the blue bicycle", "la bicicleta azul"),
    ("a letter", "una carta"),
    ("two oranges", "dos naranjas"),
    ("the last train", "el último tren"),
    ("an umbrella", "un paraguas"),
    ("the window", "la ventana"),
    ("a small boat", "un barco pequeño"),
)
_HELLO = [
    ("Say hello in one word.", "Hello!"),
    ("What is 17 * 23?", "391"),
    ("ping", "pong"),
    ("Is the gateway alive?", "It is: you are reading an answer that passed through it."),
    ("Name a prime above 1000.", "1009"),
]


def curl(stage: Stage) -> None:
    """Somebody tries it out, from a shell."""
    asked, told = stage.pick(_HELLO)
    talk = Talk(stage, CURL, "chat", stage.pick(["gpt-4o-mini", "gpt-5-nano", "claude-haiku-4-5"]), stream=False)
    talk.user(asked)
    talk.reply(told)


_QUESTIONS = [
    (
        "Why is the sky dark at night, if there are stars everywhere?",
        "Because the universe is young and grows: "
        "light from most "
        "stars has not reached us, and what comes from far is stretched out of sight. That is **Olbers' paradox**.",
    ),
    (
        "Explain a B-tree to a cook.",
        "It is a cookbook with a good table of contents: few pages to turn, each page "
        "names many "
        "chapters, and when a page is full you tear it in two and note both in the page above.",
    ),
    (
        "Regex for a German postcode?",
        "`^\\d{5}$` checks the form. `^(?!00)\\d{5}$` leaves out those that begin with 00.",
    ),
    (
        "How long does cooked rice keep?",
        "A day or two in the fridge, if it got cold within an hour. Reheat it until it steams.",
    ),
    (
        "A polite no to a meeting without agenda",
        "> Thanks for thinking of me! Could you send me what we need to "
        "decide? If a "
        "short mail does it, I'd be glad to answer there.",
    ),
    (
        "What does `git rebase --onto` do?",
        "It takes the commits *after* one point and puts them on "
        "another:\n\n```sh\ngit rebase "
        "--onto main old-base my-branch\n```\n\nCommits of `my-branch` that are not in `old-base` land on `main`.",
    ),
    (
        "Three sentences about otters.",
        "They hold hands when they sleep, so as not to drift apart. A favourite stone "
        "is kept in a "
        "pocket of skin. They are also surprisingly loud.",
    ),
    ("Is `float` fine for money?", "No: `0.1 + 0.2` is `0.30000000000000004`. Take whole cents, or a decimal type."),
    ("Haiku about a failing build", "Red light at midnight\none space too many in YAML\nthe kettle sings on"),
    (
        "What should I pack for Iceland in June?",
        "Layers, a wind-proof shell, a **swimsuit** (hot springs!), and "
        "something dark "
        "for the eyes: the sun does not set.",
    ),
    (
        "Difference between latency and throughput, one example each",
        "*Latency*: how long one letter takes. "
        "*Throughput*: how many "
        "letters the van holds. A bigger van does not bring yours any sooner.",
    ),
    (
        "Turn this into passive voice: 'We broke the build.'",
        "“The build was broken.” (Everybody will know who it was.)",
    ),
]


def question(stage: Stage) -> None:
    """One of the many small ones."""
    asked, told = stage.pick(_QUESTIONS)
    model = stage.pick(["gpt-5-mini", "claude-haiku-4-5", "gemini-2.5-flash", "gpt-4o", "mistral-large-latest"])
    talk = Talk(stage, PLAYGROUND, "chat", model)
    talk.user(asked)
    talk.reply(Say(told))
    if stage.number % 3 == 2:
        talk.user("Shorter, please.", pause=21)
        talk.reply(told.split(". ")[0].rstrip(".") + ".")
