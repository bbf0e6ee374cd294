"""What page furniture says, in twelve languages: the words that shape alone does not give away.

Each pattern is tried on one line, folded to small letters, and is about the line's beginning: a sentence of a story
that mentions cookies or comments is none of these. Words are from the publishers' pages of each language, as remembered
by us; order of the languages: en es fr de it pt ru uk ar fa tr zh.
"""

from __future__ import annotations

import re
from typing import Final

MAX_NOTICE_CHARS: Final = 400
"""A notice (newsletter, rights, player) is no longer than this; what is longer is prose, whatever it begins with."""

MAX_LEGAL_CHARS: Final = 1200
"""A notice that begins with cookies or a copyright is legal prose, and may be longer."""

MAX_LABEL_CHARS: Final = 60
"""A label, such as "Most read" or "Share this story", is no longer than this."""


def _any(*parts: str, end: str = r"(?:\b|$)") -> re.Pattern[str]:
    return re.compile(rf"\W*(?:{'|'.join(parts)}){end}")


def _entries(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


_SERVICE = (
    "facebook|twitter|x|whatsapp|telegram|linkedin|reddit|pinterest|messenger|viber|instagram|youtube|tiktok"
    "|flipboard"
    "|vk|vkontakte|вконтакте|одноклассники|ok|bluesky|threads|mastodon|line|weibo|wechat|tumblr|snapchat|google\\+?"
    "|rss|pocket"
    "|e-?mail|email|print|copy(?: link| url)?|link|save|bookmark|share|tweet|comments?|more|sms|xing|skype"
    "|correo(?: electrónico)?|imprimir|copiar(?: enlace| link)?|compartir|guardar|enlace"
    "|courriel|imprimer|copier(?: le lien)?|partager|enregistrer|drucken|teilen|merken|link kopieren|mailen"
    "|stampa|condividi|copia(?: link)?|salva|invia|compartilhar|partilhar|copiar|enviar"
    "|печать|поделиться|скопировать(?: ссылку)?|твитнуть|друк|поділитися|скопіювати(?: посилання)?"
    "|طباعة|مشاركة|شارك|نسخ(?: الرابط)?|فيسبوك|تويتر|واتساب|تلغرام|تيليغرام|بريد(?: إلكتروني)?|حفظ"
    "|چاپ|اشتراک(?:[‌ -]گذاری)?|کپی(?: لینک)?|فیسبوک|توییتر|توئیتر|واتس[‌ ]?اپ|تلگرام|ایمیل"
    "|yazdır|paylaş|kopyala|bağlantıyı kopyala|tweetle|e-?posta"
    "|微信|微博|分享(?:到)?|打印|复制链接|複製連結|列印|收藏|朋友圈|qq空间|qq|邮件|推特|脸书|臉書"
)
SHARE_BAR: Final = re.compile(rf"\W*(?:{_SERVICE})(?:[\W_]+(?:{_SERVICE}|\d+))*\W*")
"""The whole of a line: names of services and what is done with them."""

SHARE: Final = _any(
    r"(?:share|tweet|e-?mail|print|save|send) (?:this|it|on|via|with|to|article|story|page|by)\b",
    r"(?:copy|get) (?:the |this )?link",
    r"compart(?:e|ir|ilhe|ilhar)(?: (?:en|esta?|este|via|em|no|por|la|o))?\b", r"partager(?: (?:sur|cet|via|l))?\b",
    r"partagez",
    r"(?:auf|per|via|bei) \w+ teilen", r"(?:artikel|beitrag|seite) (?:teilen|drucken|versenden|merken)",
    r"teilen sie",
    r"condividi(?: (?:su|questo|via))?\b", r"partilh(?:e|ar)", r"поделит(?:ься|есь)", r"рассказать друзьям",
    r"поділит(?:ися|ися|ься)",
    r"شارك (?:هذا|هذه|المقال|الخبر|على|عبر)", r"مشاركة (?:هذا|هذه|المقال|الخبر|على|عبر)",
    r"(?:این )?(?:خبر|مطلب|مقاله) را (?:به )?(?:اشتراک|ارسال)", r"به اشتراک",
    r"(?:bu )?(?:haberi|yazıyı|içeriği) paylaş", r"(?:facebook|twitter|whatsapp)['’]?\w* paylaş",
    r"分享(?:到|至|给|給|本文|这|這)", r"转发(?:到|至)", r"扫(?:一扫|描)?二维码",
)  # fmt: skip
"""Starts a line of a share bar."""

FOLLOW: Final = _any(
    r"(?:follow|find|join) (?:us|our)\b", r"like us on\b",
    r"(?:follow|like|find|watch|join) [\w. ]{1,30} on (?:facebook|twitter|instagram|telegram|whatsapp|x|youtube)\b",
    r"síg(?:uenos|anos|ueme)", r"suivez[ -](?:nous|moi|l)", r"retrouvez[ -]nous", r"folgen sie", r"folge uns",
    r"segui(?:ci|teci)\b", r"siga[ -](?:nos|o|a)\b",
    r"подпи(?:сывайтесь|шитесь|ш(?:и|у)сь)", r"следите за наш", r"читайте нас",
    r"підпи(?:суйтесь|суйтеся|шіться|шись)",
    r"стежте за наш", r"читайте нас",
    r"تابعو?(?:نا|ا على)?\b", r"ما را (?:در|دنبال)", r"bizi (?:takip|izle)", r"takip edin", r"关注我们", r"關注我們",
    r"关注(?:公众号|微信)",
)  # fmt: skip

POINTER: Final = _any(
    r"read (?:more|next|also|on\b|the (?:full|whole|rest)|it (?:on|at|in full))", r"see (?:also|more)",
    r"also (?:read|on|see)\b", r"more (?:on this|here)\b",
    r"(?:continue|keep) reading", r"click (?:here|to)", r"tap (?:here|to)",
    r"view (?:more|original|all|comments|gallery|full)", r"full (?:story|article)", r"show more",
    r"learn more", r"load more", r"(?:read|watch|listen|more|in pictures)\s*[:|»›→]",
    r"story continues", r"article continues",
    r"scroll (?:down )?to continue", r"skip (?:to|ad|advert)", r"leer más", r"lea también",
    r"le(?:a|e) (?:además|también|aquí)", r"seguir leyendo", r"ver (?:más|también|todo)", r"te puede interesar",
    r"más información", r"lire (?:aussi|la suite|plus|également)", r"à lire",
    r"voir (?:aussi|plus|toutes)", r"en savoir plus", r"la suite après",
    r"weiter ?lesen", r"mehr (?:dazu|lesen|zum thema|anzeigen|erfahren)", r"lesen sie (?:auch|mehr|hier)",
    r"lesen (?:auch|sie)", r"siehe auch", r"auch interessant", r"zum artikel",
    r"leggi (?:anche|tutto|di più|l)", r"vedi anche", r"continua a leggere", r"approfondi(?:sci|menti)",
    r"guarda anche", r"scopri di più",
    r"le(?:ia|r) (?:mais|também|a )", r"veja (?:mais|também|a )", r"saiba mais", r"continu(?:e|ar) lendo",
    r"continue a ler",
    r"чита(?:йте|ть) (?:также|далее|ещ[её]|по теме|полностью|дальше)", r"смотри(?:те)? также",
    r"подробнее", r"ещ[её] по теме", r"узнать больше", r"показать ещ[её]",
    r"чита(?:йте|ти) (?:також|далі|ще|більше|повністю)", r"дивіться також", r"детальніше",
    r"показати ще",
    r"اقرأ (?:أيضا|ايضا|المزيد|أكثر|كذلك)", r"اقرأ(?:وا|ي)? أيضًا", r"شاهد أيض", r"طالع أيض",
    r"إقرأ", r"مواضيع ذات صلة", r"أخبار ذات صلة",
    r"بیشتر بخوان", r"بیشتر بخوانید", r"همچنین بخوانید", r"(?:مطالب|اخبار) مرتبط", r"ادامه (?:مطلب|خبر)",
    r"devamını oku", r"(?:ayrıca|daha fazla|bunu da) oku\w*", r"haberin devamı", r"ilgili haber",
    r"(?:阅读|閱讀|查看|点击|點擊)(?:更多|全文|原文|进入)",
    r"(?:延伸|相关|相關|推荐|推薦)(?:阅读|閱讀|新闻|新聞|报道|報導)", r"更多(?:内容|新闻|新聞|报道)",
    r"责任编辑", r"責任編輯", r"编辑[:：]", r"来源[:：]",
)  # fmt: skip
"""Starts a pointer to another page, and also a label of a pause in the story."""

PAUSE: Final = _any(
    "related", "advertisement", "publicidad", "publicité", "zum thema", "anzeige", "pubblicità", "publicidade",
    "по теме", "реклама", "за темою", "للمزيد", "المزيد", "إعلان", "بیشتر", "تبلیغات?", "ببینید", "devamı", "reklam",
    "daha fazla", "广告", "廣告",
    end=r"(?:\W*$|\s*[:|»›→])",
)  # fmt: skip
"""The whole of a label, or what stands before its colon: "Related", "Advertisement"."""

POINTED: Final = re.compile(
    r"(?:read more|leer más|lire la suite|weiterlesen|leggi tutto|leia mais|читать далее|читати далі|المزيد"
    r"|ادامه مطلب|devamını oku|阅读全文)\W*$|[»›→▸▶]\s*$"
)
"""Ends a pointer to another page."""

LIST_LABEL: Final = _any(
    r"most (?:read|popular|viewed|shared|recent|watched|commented)",
    r"(?:more|other|top|latest|trending|popular|recommended|editor['’]?s|featured|sponsored|today['’]?s) (?:stories"
    r"|news|headlines|articles|posts|picks|from|content|reads?|topics|videos?)\b",
    r"trending(?: now)?\W*$", r"recommended(?: for you)?\W*$", r"you (?:may|might) (?:also|be|have)",
    r"related (?:stories|articles|news|topics|content|posts|links|coverage)", r"in other news", r"don['’]?t miss",
    r"what to read next", r"up next", r"(?:around|from) the web", r"promoted\W*$",
    r"lo más (?:leído|visto|popular)", r"más (?:leídas?|leídos|noticias|vistas|populares)", r"noticias relacionadas",
    r"últimas noticias", r"(?:artículos|notas|temas) relacionad", r"te recomendamos",
    r"les (?:plus|articles les plus) (?:lus|populaires|récents)",
    r"(?:articles|sujets) (?:liés|similaires|associés|les plus)", r"sur le même (?:sujet|thème)",
    r"(?:à la une|dernières (?:actualités|infos|nouvelles))", r"à découvrir", r"nos (?:dernières|derniers)",
    r"meist ?gelesen",
    r"(?:mehr|weitere|aktuelle|neueste|ähnliche|beliebte) (?:nachrichten|artikel|meldungen|themen|aus|news|beiträge)",
    r"das könnte sie", r"top[- ]?(?:themen|artikel|news)", r"schlagzeilen\W*$", r"empfohlen",
    r"(?:i |gli )?(?:più|articoli più) (?:letti|visti|recenti|popolari)",
    r"(?:articoli|notizie|contenuti) (?:correlat|simili|recenti)", r"ultime notizie", r"ultim'ora\W*$",
    r"potrebbe interessarti", r"altre notizie",
    r"(?:as )?(?:mais|notícias mais) (?:lidas?|vistas|notícias|populares|recentes)",
    r"(?:notícias|artigos|matérias) relacionad", r"últimas(?: notícias)?\W*$", r"leia mais\W*$", r"recomendad",
    r"(?:самое|самые) (?:читаемое|популярн\w+|обсуждаемое|важное|интересное)", r"популярн(?:ое|ые)\b.{0,20}$",
    r"(?:другие|последние|свежие|главные|похожие) (?:новости|статьи|материалы)", r"материалы по теме",
    r"новости (?:по теме|партн[её]ров|сми2|дня)", r"рекоменду(?:ем|емые)", r"лента новостей", r"выбор редакции",
    r"(?:найпопулярніш|найчитаніш|найважливіш)\w*", r"(?:інші|останні|схожі|головні) (?:новини|статті|матеріали)",
    r"новини (?:за темою|партнерів|дня)", r"вас (?:може|також) (?:зацікав|цікав)", r"рекомендуємо",
    r"популярне\b.{0,20}$",
    r"вибір редакції",
    r"الأكثر (?:قراءة|مشاهدة|تداولا|شعبية|تعليق)", r"(?:آخر|أحدث|أهم) الأخبار",
    r"(?:أخبار|مواضيع|مقالات|موضوعات) (?:ذات|متعلقة|مرتبطة|أخرى)", r"قد يعجبك", r"اخترنا لك", r"أخبار ذات صلة",
    r"(?:پربازدید|پربیننده|پرخواننده|محبوب)[‌ ]?ترین", r"(?:آخرین|تازه[‌ ]?ترین) (?:خبر|اخبار|عناوین)",
    r"(?:اخبار|مطالب|خبرهای) (?:مرتبط|پیشنهادی|دیگر|مشابه)", r"پیشنهاد (?:ما|سردبیر)", r"دیگر (?:خبرها|رسانه)",
    r"(?:en )?çok (?:okunan|izlenen|paylaşılan|yorum)",
    r"(?:son haberler|diğer haberler|ilgili (?:haberler|içerikler)|benzer haberler|öne çıkan"
    r"|ilginizi çekebilir|editörün seç|günün)\b.{0,30}$",
    r"(?:最新|热门|熱門|热点|相关|相關|推荐|推薦|其他|今日|即时|即時)(?:新闻|新聞|文章|内容|內容|资讯|資訊|报道|報導"
    r"|排行|话题|話題|消息)?\W*$",
    r"(?:点击|點擊|阅读|閱讀)排行",
    r"猜你喜欢", r"大家都在看", r"热榜", r"编辑推荐",
)  # fmt: skip
"""Heads a list of other stories."""

LEGAL: Final = re.compile(
    r"\W*(?:.{0,60}\bcookies?\b.{0,80}\b(?:experience|consent|traffic|content|site|websites?|partners)\b"
    r"|(?:this|the) (?:material|content) may not be|quotes (?:are )?delayed|(?:©|copyright)(?: \(c\))? ?\d{4})"
)
"""Starts a notice of any length."""

COMMENTS: Final = _any(
    r"(?:leave|post|add|write|submit) a? ?(?:comment|reply|review)",
    r"(?:no |\d+ |view |show |all |top |best |top rated |readers?'? )*(?:comments?|replies|responses)(?: \(?\d*\)?"
    r"| off| closed| are closed)?\W*$",
    r"join the (?:conversation|discussion)", r"(?:log|sign) in to (?:comment|post|reply|leave)",
    r"you must be (?:logged|signed|registered)", r"your e-?mail address will not", r"be the first to comment",
    r"(?:\d+ )?comentários?(?: \(?\d*\)?)?\W*$", r"(?:dej[ae]|escrib[ae]|añad[ae]) (?:un|tu) comentario",
    r"(?:\d+ )?comentarios?(?: \(?\d*\)?)?\W*$", r"deix[ea] (?:um|o seu|seu) comentário",
    r"(?:\d+ )?commentaires?(?: \(?\d*\)?)?\W*$", r"(?:laisser|ajouter|postez|écrire) (?:un|votre) commentaire",
    r"(?:\d+ )?kommentare?(?: \(?\d*\)?)?\W*$", r"(?:kommentar|beitrag) (?:schreiben|verfassen|hinterlassen)",
    r"schreiben sie (?:einen|ihren) kommentar",
    r"(?:\d+ )?comment[oi](?: \(?\d*\)?)?\W*$", r"(?:lascia|scrivi|aggiungi) un commento",
    r"(?:\d+ )?комментари(?:и|й|ев|я)(?: \(?\d*\)?)?\W*$", r"(?:оставить|написать|добавить|оставьте) комментарий",
    r"(?:\d+ )?коментар(?:і|ів|)(?: \(?\d*\)?)?\W*$", r"(?:залишити|написати|додати|залиште) коментар",
    r"(?:\d+ )?(?:ال)?تعليق(?:ات)?(?: \(?\d*\)?)?\W*$", r"(?:أضف|اترك|اكتب) تعليق",
    r"(?:\d+ )?(?:نظرات?|دیدگاه(?:[‌ ]?ها)?)(?: \(?\d*\)?)?(?: (?:کاربران|شما))?\W*$",
    r"(?:نظر|دیدگاه) (?:خود|شما|بدهید)", r"ارسال (?:نظر|دیدگاه)", r"(?:\d+ )?yorum(?:lar)?(?: \(?\d*\)?)?\W*$",
    r"yorum (?:yap|yaz|ekle|gönder)", r"(?:\d+ ?条?)?(?:评论|評論|留言)(?:区|區)?(?: ?\(?\d*\)?)?\W*$",
    r"(?:发表|發表|我要)(?:评论|評論)",
)  # fmt: skip
"""Heads or stands for the readers' comments."""

RIGHTS: Final = _any(
    r"©", r"\(c\) ?\d{4}", r"copyright\s*(?:©|\(c\)|\d{4}|by\b|:|$)", r"all rights reserved", r"all content ©",
    r"(?:todos los|todos os) d(?:e|i)re(?:chos|itos) reservados", r"tous droits réservés",
    r"alle rechte vorbehalten", r"tutti i diritti", r"riproduzione riservata", r"все права (?:защищены|сохранены)",
    r"(?:при|любое) (?:использовани\w+|цитировани\w+|перепечатк\w+)", r"(?:всі|усі) права (?:захищені|захищено)",
    r"(?:при|будь-яке) (?:використанн\w+|передрук\w*)", r"(?:جميع|كافة) الحقوق", r"حقوق (?:النشر|الطبع)",
    r"(?:تمامی?|کلیه)[‌ ]?(?:ی )?حقوق", r"(?:tüm|her) hakkı?(?:ları)?", r"版权所有", r"版權所有",
    r"未经(?:授权|许可|授權)",
    r"保留所有权利", r"terms (?:of (?:use|service)|and conditions|& conditions)\b.{0,80}$",
    r"privacy (?:policy|notice)\b.{0,80}$", r"impressum\b.{0,60}$",
    end="",
)  # fmt: skip

NOTICE: Final = _any(
    r"(?:we|this (?:site|website)|our (?:site|website|partners)|[\w.]+) (?:and our partners )?uses? (?:cookies"
    r"|essential)",
    r"(?:by (?:continuing|using|clicking|signing|submitting)|to continue).{0,80}(?:cookies?|terms|privacy|agree)",
    r"(?:accept|reject|manage|allow|cookie)(?: all)?(?: cookies?)? ?(?:cookies|settings|preferences|policy"
    r"|all)\b.{0,40}$",
    r"(?:sign up|subscribe|register|log in|sign in)\b.{0,160}$",
    r"get (?:the|our|all|your|breaking).{0,80}(?:inbox|newsletter|alerts?|e-?mail|app)\b",
    r"(?:enter|type) your e-?mail", r"(?:our|daily|weekly|morning|free) newsletter",
    r"(?:please )?(?:enable|turn on) javascript", r"javascript (?:is|must)", r"your browser",
    r"this (?:video|content) (?:is (?:not available|unavailable|no longer)|can(?:not| not|[’']t) be (?:played|shown"
    r"|loaded))",
    r"media playback",
    r"(?:image|photo|picture|file photo|video)(?: (?:credit|source|by|caption|copyright|via)\b|\s*:)",
    r"download (?:our|the) app", r"support (?:us\b|our (?:work|journalism|reporting)|independent journalism)",
    r"thank you for (?:subscribing|signing|reading)", r"(?:something went wrong|an error occurred)\W*$",
    r"do you (?:have|know) (?:a|more|something|any).{0,60}(?:tip|story|contact|\?)",
    r"(?:reporting|editing|writing) by [^.;(]{2,80}[;(]",
    r"(?:story|article|news|ref)(?: |-)?(?:code|id|number|no\.?|ref)\b.{0,40}$", r"tags?\s*[:：]", r"topics?\s*[:：]",
    r"filed under", r"categor(?:y|ies)\s*[:：]",
    r"(?:usamos|utilizamos|este sitio|esta (?:web|página)) .{0,60}cookies", r"(?:suscríb|regístr|inscríb)\w+",
    r"recib[ae] .{0,80}(?:correo|boletín|newsletter)", r"etiquetas\s*:", r"foto(?:grafía|s)?\s*[:/]",
    r"(?:nous utilisons|ce site|en poursuivant|nous et nos).{0,100}cookies", r"(?:abonnez|inscrivez)[ -]",
    r"(?:s['’]abonner|s['’]inscrire|recevez)\b.{0,120}$", r"(?:crédit )?photos?\s*[:/]", r"mots[ -]clés",
    r"code (?:de l['’])?article",
    r"(?:wir|diese (?:seite|website)|unsere).{0,80}cookies", r"(?:abonnieren|melden|registrieren) sie\b",
    r"(?:newsletter|jetzt (?:anmelden|abonnieren|registrieren))\b.{0,100}$",
    r"(?:foto|bild|quelle|grafik|schlagworte?|stichworte|themen)s?\s*:", r"artikel-?(?:nr|code|id)\b",
    r"(?:usiamo|utilizziamo|questo sito|noi e).{0,80}cookie", r"(?:iscriviti|abbonati|registrati)\b",
    r"ricevi .{0,80}(?:newsletter|mail)", r"(?:foto|fonte|tag|argomenti)\s*:", r"codice (?:articolo|notizia)",
    r"(?:usamos|utilizamos|este (?:site|sítio)|nós e).{0,80}cookies",
    r"(?:assine|inscreva|subscreva|cadastre|registe)\w*", r"receba .{0,80}(?:e-?mail|newsletter)",
    r"código da (?:notícia|matéria)",
    r"(?:мы используем|(?:наш|этот) сайт|сайт использует|продолжая).{0,80}(?:cookie|куки)",
    r"(?:получайте|узнавайте).{0,80}(?:рассылк|почт|новост|telegram)", r"(?:фото|теги|источник|метки|рубрика)\s*:",
    r"(?:код|номер) (?:новости|статьи|материала)", r"(?:нашли|заметили|увидели) (?:ошибку|опечатку)",
    r"если вы (?:нашли|заметили)",
    r"(?:ми використовуємо|(?:наш|цей) сайт|продовжуючи).{0,80}(?:cookie|кукі|файл)",
    r"(?:отримуйте).{0,80}(?:розсилк|пошт|новин)", r"(?:теги|джерело|мітки|рубрика)\s*:",
    r"(?:код|номер) (?:новини|статті|матеріалу)", r"якщо ви (?:знайшли|помітили)",
    r"(?:نستخدم|يستخدم (?:هذا )?الموقع).{0,60}(?:الكوكيز|ملفات|تعريف)",
    r"(?:اشترك|سجل|انضم)(?:وا)? (?:في|إلى|الآن|معنا).{0,40}(?:نشر|بريد|قنا|قائم|خدم).{0,80}$",
    r"(?:كلمات (?:مفتاحية|دلالية)|الوسوم|المصدر|صورة|الصورة|تصوير)\s*[:/]",
    r"(?:رمز|كود|رقم) (?:الخبر|المقال|القصة)",
    r"(?:ما از|این (?:سایت|وب)).{0,60}کوکی",
    r"(?:در )?(?:مشترک|عضو|ثبت[‌ ]?نام).{0,30}(?:خبرنامه|کانال|سایت).{0,80}$",
    r"(?:برچسب(?:[‌ ]?ها)?|کلیدواژه(?:[‌ ]?ها)?|منبع|عکس)\s*[:/]", r"(?:کد|شماره) (?:خبر|مطلب)", r"لینک کوتاه",
    r"(?:sitemiz|bu (?:site|web)|deneyiminiz).{0,100}(?:çerez|cookie)",
    r"(?:(?:hemen |ücretsiz )?(?:abone|üye) olun|kaydolun|bülten(?:imiz|e )).{0,100}$",
    r"(?:etiketler?|kaynak|fotoğraf|foto)\s*:",
    r"haber (?:kodu|no|numarası)",
    r"(?:本|我们的)?(?:网站|網站|站).{0,20}cookies?", r"(?:订阅|訂閱)(?:我们|我們|电子|電子|新闻|新聞|邮件)",
    r"(?:关键词|關鍵字|标签|標籤|图片来源|图|摄影|记者|文)\s*[:：/]", r"(?:稿件|新闻|文章)(?:编号|代码|編號)",
    end="",
)  # fmt: skip
"""Starts a notice: cookies, newsletters, players, credits, codes, tags."""

BYLINE: Final = _any(
    r"by\b", r"from\b",
    r"(?:written|posted|published|updated|last (?:updated|modified)|edited|reviewed|posted on|first published)\b",
    r"por\b", r"(?:publicado|actualizado|atualizado|redacción|redação)\b", r"par\b",
    r"(?:publié|mis à jour|modifié|rédigé)\b", r"von\b",
    r"(?:veröffentlicht|aktualisiert|stand|erstellt|redaktion)\b", r"(?:di|a cura di)\b",
    r"(?:pubblicato|aggiornato|redazione)\b",
    r"(?:автор|текст|редакция|опубликовано|обновлено)\b", r"(?:автор|опубліковано|оновлено|редакція)\b",
    r"(?:بقلم|كتب|كتبت|تحرير|نشر في|آخر تحديث|نُشر)\b", r"(?:نویسنده|نوشته|به قلم|تاریخ انتشار|به روز)\b",
    r"(?:yazan|yazar|haber|yayınlanma|güncelleme|son güncelleme|giriş)\b",
    r"(?:作者|记者|記者|编辑|編輯|发布时间|發布時間|更新时间|时间)",
    end="",
)  # fmt: skip
"""Starts a line about who wrote it and when, if that line is short and no sentence."""

AGO: Final = re.compile(
    r"\b(?:ago|hace|il y a|vor|fa|atrás|назад|тому|منذ|قبل|پیش|önce)\b|(?:分钟|小时|分鐘|小時|天)前"
)
"""Marks a relative time."""

MENU: Final = _entries(
    "home|news|menu|search|sport|sports|world|politics|business|opinion|culture|video|videos|live|weather"
    "|contact|contact us|about|about us|close|advertise|subscribe|sign in|log in|login|register|account"
    "|my account|reply|report|like|dislike|top|back to top|next|previous|prev|next article|previous article"
    "|privacy|terms|faq|help|careers|archive|archives|newsletters|podcasts|photos|gallery|caption|image"
    "|loading|advertisement|ad|sponsored|inicio|portada|mundo|deportes|economía|política|cultura|accueil"
    "|monde|économie|politique|culture|startseite|politik|wirtschaft|panorama|kultur|prima pagina|mondo"
    "|cronaca|esteri|início|esporte|esportes|desporto|главная|мир|политика|экономика|спорт|общество"
    "|культура|головна|світ|політика|економіка|суспільство|الرئيسية|عالم|سياسة|اقتصاد|رياضة|ثقافة|خانه"
    "|صفحه اصلی|جهان|سیاست|اقتصاد|ورزش|فرهنگ|anasayfa|ana sayfa|gündem|dünya|siyaset|ekonomi"
    "|spor|首页|首頁|国际|國際|中国|财经|財經|体育|體育|社会|社會|娱乐|娛樂"
)
"""Entries of menus that are never a headline or a heading within a story."""
