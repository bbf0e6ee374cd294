"""What the pairs for measuring copies are made with: frames of routine reports, boilerplate, quotes, names. All of our
own writing, and about nobody."""

from __future__ import annotations

from typing import Final

HEADLINES: Final = (
    "What we know so far about the day's events",
    "Here is why everybody talks about it this morning",
    "Officials speak out after a long night of talks",
    "A closer look at how it came to this",
    "The story that divides a whole region",
    "Five things to know before the week is over",
    "Questions remain as more details come to light",
    "Readers ask, our correspondents answer",
)

AGENCY_LINES: Final = (
    "LONDON (Reuters) -",
    "PARIS, March 3 (AFP) -",
    "WASHINGTON (AP) —",
    "By our staff and agencies.",
    "BERLIN, 12 June (dpa) -",
)

BOILERPLATE: Final = (
    (
        "Sign up for our morning newsletter and get the most important stories of the day straight to your "
        "inbox, free of charge. By signing up you agree to our terms of use and to our privacy policy."
    ),
    (
        "This story was produced with material from news agencies and has been edited for length and for "
        "clarity by our newsroom. All rights reserved. No part of it may be published, rewritten or "
        "redistributed without permission."
    ),
    (
        "Follow us on social media for the latest updates, and download our app to be told first when news "
        "breaks. Have you got a story for us? Write to our newsdesk, and we will get back to you as soon as "
        "we can."
    ),
    (
        "You have read all of your free articles for this month. Support independent journalism: subscribe "
        "today and read as much as you like for the price of a cup of coffee a week. You can cancel at any "
        "time."
    ),
    (
        "Our correspondents work around the clock to bring you the news as it happens. If you find a mistake "
        "in this article, please tell us. Corrections are listed on a page of their own at the end of each "
        "day."
    ),
    (
        "Read more: the week in pictures, our guide to the coming elections, and the podcast that explains "
        "what moves the markets. Comments on this article are closed; letters to the editor are welcome at "
        "the usual address."
    ),
)

QUOTES: Final = (
    (
        '"We have always said that we would wait for the outcome of the inquiry before we draw any '
        'conclusions, and that is what we are going to do," the spokesman told reporters.'
    ),
    (
        '"Nobody who was in the room that evening can say in good faith that this was discussed, let alone '
        'decided," the minister said in a statement.'
    ),
    (
        '"It is a sad day for all of us, and our thoughts are with the families of those who lost their '
        'lives," the mayor said.'
    ),
    (
        '"There is no evidence whatsoever for what has been claimed, and we will defend ourselves in court," '
        "the company said in reply to questions."
    ),
)

NAMES: Final = (
    "Adler", "Almeida", "Arvo", "Bakary", "Balint", "Barrow", "Benes", "Bergstrom", "Bianchi", "Calder",
    "Castell", "Chaudry", "Corvin", "Dahl", "Demirel", "Dorval", "Edgware", "Eklund", "Farrant", "Feld",
    "Galvez", "Garner", "Halden", "Harrow", "Ibarra", "Ilyin", "Jansky", "Jorvik", "Kadir", "Kessler",
    "Kimura", "Kovac", "Lambton", "Larue", "Lindqvist", "Marek", "Marlow", "Mbeki", "Minter", "Nakata",
    "Norden", "Novak", "Okafor", "Olsen", "Orban", "Pallister", "Pereira", "Petrov", "Quill", "Quintana",
    "Ramsey", "Renard", "Rostova", "Sadiq", "Salter", "Soren", "Tamm", "Tavares", "Thorne", "Ulrich", "Uma",
    "Valdez", "Varga", "Weller", "Winton", "Yamada", "Yildiz", "Zanetti", "Zeman", "Zoric",
)  # fmt: skip

FRAMES: Final = (
    (
        "Magnitude {n1} earthquake strikes near {p1}\n"
        "An earthquake of magnitude {n1} struck {n2} kilometres north of {p1} in the province of {p2} early "
        "on Tuesday, the seismological institute of {p3} said. The quake was at a depth of {n3} kilometres. "
        "There were no immediate reports of damage or casualties, and no tsunami warning was issued. "
        "Residents of {p4} said that they had felt the shaking for about {n4} seconds and had run into the "
        "streets. The region lies on a fault where tremors are common; a quake in the {p5} valley killed {n5}"
        " people and left {n6} homeless in its worst disaster of recent times."
    ),
    (
        "Shares of {p1} fall {n1} percent after results\n"
        "Shares of {p1} fell by {n1} percent on Wednesday after the company reported a quarterly profit of "
        "{n2} million, below the {n3} million that analysts had expected. Revenue came to {n4} million, "
        "against {n5} million a year before. The chief executive, {p2} {p3}, said that demand in {p4} had "
        "been weaker than hoped and that the company was cutting costs. The company, which has its head "
        "office in {p5}, kept its forecast for the full year. Its shares have lost {n6} percent since the "
        "beginning of the year, while those of its rival {p6} have gained."
    ),
    (
        "{p1} beat {p2} to go top of the table\n"
        "{p1} beat {p2} by {n1} to {n2} in front of {n3} spectators on Saturday evening and moved to the top "
        "of the table. {p3} scored first after {n4} minutes, and {p4} made the second before half-time. The "
        "visitors came back after the break, but the goal by {p5} in the {n5}th minute was not enough. The "
        "coach, {p6}, said that he was proud of how his team had defended. They travel to {p7} next week, "
        "while their opponents play at home against {p8}."
    ),
    (
        "Court jails {p1} man for {n1} months\n"
        "A court in {p1} on Thursday sentenced a {n1}-year-old man to {n2} months in prison for fraud. The "
        "judge, {p2} {p3}, said that {p4} {p5} had cheated {n3} customers out of {n4} thousand in all between"
        " {n5} and {n6}. The defendant had admitted the charges. His lawyer, {p6}, asked for a suspended "
        "sentence and said that an appeal was being considered. The prosecution had asked for {n7} months. "
        "The money has not been found."
    ),
    (
        "Weather: {n1} degrees in {p1}\n"
        "After a cool night with lows of {n2} degrees it will be sunny in {p1} and the surrounding valleys, "
        "with highs of {n1} degrees in the afternoon. In {p2} and towards {p3} clouds are expected to move in"
        " from the west, with some light rain of up to {n3} millimetres. The wind blows weakly to moderately "
        "from the north-east. The outlook for the coming days: changeable in {p4}, with temperatures of "
        "between {n4} and {n5} degrees; dry and warm in {p5}."
    ),
    (
        "Two hurt as bus collides with lorry near {p1}\n"
        "A bus with {n1} passengers on board collided with a lorry on the road between {p1} and {p2} on "
        "Friday morning, the police said. The driver, aged {n2}, and a passenger, aged {n3}, were taken to "
        "hospital in {p3}. The road was closed for {n4} hours. According to a police spokesman, {p4} {p5}, "
        "the lorry had been on its way to {p6} when it left its lane for reasons that are not yet known. The "
        "damage is put at {n5} thousand. Witnesses are asked to call {n6}."
    ),
    (
        "Central bank of {p1} keeps rate at {n1} percent\n"
        "The central bank of {p1} kept its main interest rate at {n1} percent on Thursday, as expected by "
        "{n2} of {n3} economists. Its governor, {p2} {p3}, told a news conference that inflation had come "
        "down to {n4} percent but was still above the target of {n5} percent. The bank expects the economy to"
        " grow by {n6} percent this year. The currency gained slightly against that of {p4} after the "
        "decision. The next meeting of the board is in {p5} in six weeks."
    ),
    (
        "{p1} recalls {n1} cars over faulty brakes\n"
        "{p1} is recalling {n1} vehicles of its model {p2} built between {n2} and {n3} because the brakes may"
        " fail, the regulator in {p3} said on Monday. The carmaker knows of {n4} accidents and of no "
        "injuries. Owners will be told by letter and can have the part replaced free of charge, which takes "
        "about {n5} minutes. Last year {p1} had to recall {n6} cars of the model {p4} for the same reason. A "
        "spokeswoman, {p5}, said that safety came first."
    ),
)
