"""Word lists of the demo world: people, streets, cities, trades and currencies of four countries.

Everything is invented or generic; e-mail addresses use the reserved top level domain `.example`, so that no demo can
ever send mail to a real company. Accented words are in composed form (NFC).
"""

from typing import NamedTuple


class City(NamedTuple):
    """A city: its name, county or province, area code without the leading zero, and the start of its post codes."""

    name: str
    county: str
    area: str
    post: str


class Country(NamedTuple):
    """The words of one country; `post_code` is a pattern: `#` a digit, `@` a letter, anything else itself."""

    code: str
    dial: str
    post_code: str
    house_first: bool
    cities: tuple[City, ...]
    streets: tuple[str, ...]
    first_names: tuple[str, ...]
    middle_names: tuple[str, ...]
    surnames: tuple[str, ...]
    trades: tuple[str, ...]
    legal_forms: tuple[str, ...]
    mailboxes: tuple[str, ...]


class Currency(NamedTuple):
    """An ISO 4217 currency with its symbol and its rate against the euro."""

    code: str
    name: str
    symbol: str
    rate: float


# One word per line would make this four times as long.
# fmt: off

NETHERLANDS = Country(
    code="NL", dial="31", post_code="## @@", house_first=False,
    cities=(
        City("Amsterdam", "Noord-Holland", "20", "10"), City("Rotterdam", "Zuid-Holland", "10", "30"),
        City("Den Haag", "Zuid-Holland", "70", "25"), City("'s-Hertogenbosch", "Noord-Brabant", "73", "52"),
        City("Utrecht", "Utrecht", "30", "35"), City("Eindhoven", "Noord-Brabant", "40", "56"),
        City("Groningen", "Groningen", "50", "97"), City("Tilburg", "Noord-Brabant", "13", "50"),
        City("Almere", "Flevoland", "36", "13"), City("Breda", "Noord-Brabant", "76", "48"),
        City("Nijmegen", "Gelderland", "24", "65"), City("Apeldoorn", "Gelderland", "55", "73"),
        City("Haarlem", "Noord-Holland", "23", "20"), City("Arnhem", "Gelderland", "26", "68"),
        City("Enschede", "Overijssel", "53", "75"), City("Zwolle", "Overijssel", "38", "80"),
        City("Leiden", "Zuid-Holland", "71", "23"), City("Maastricht", "Limburg", "43", "62"),
        City("Dordrecht", "Zuid-Holland", "78", "33"), City("Deventer", "Overijssel", "570", "74"),
        City("Leeuwarden", "Friesland", "58", "89"), City("Coevorden", "Drenthe", "524", "77"),
        City("Goes", "Zeeland", "113", "44"), City("Súdwest-Fryslân", "Friesland", "515", "86"),
    ),
    streets=(
        "Kerkstraat", "Dorpsstraat", "Stationsstraat", "Molenstraat", "Industrieweg", "Handelsweg", "Beatrixlaan",
        "Julianastraat", "Wilhelminastraat", "Nieuwstraat", "Havenstraat", "Kanaalweg", "De Ruyterkade",
        "Prins Hendrikstraat", "Burgemeester de Vrieslaan", "Oude Gracht", "Marktstraat", "Schoolstraat", "Eikenlaan",
        "Korte Poten", "Energieweg", "Nijverheidsstraat", "Coöperatieweg", "Sint Jansstraat",
    ),
    first_names=(
        "Jan", "Pieter", "Kees", "Willem", "Hendrik", "Johan", "Bas", "Daan", "Sem", "Lars", "Thijs", "Ruben", "Gijs",
        "Jeroen", "Maarten", "Wouter", "Anna", "Maria", "Johanna", "Sanne", "Lotte", "Femke", "Anouk", "Marloes",
        "Ingrid", "Esther", "Mirjam", "Zoë", "Chloë", "Renée", "Désirée", "Noëlle", "Loïs", "José", "Sjoerd", "Fenna",
    ),
    middle_names=("", "", "", "", "van", "de", "van der", "van den", "van de", "ter", "ten"),
    surnames=(
        "Jansen", "Bakker", "Visser", "Smit", "Meijer", "Mulder", "Bos", "Vos", "Peters", "Hendriks", "Dekker",
        "Brouwer", "Dijkstra", "Smits", "Kok", "Jacobs", "Vermeulen", "Schouten", "Willems", "Hoekstra", "Koster",
        "Verhoeven", "Prins", "Blom", "Huisman", "Peeters", "Kuipers", "Veenstra", "Kramer", "Postma", "Berg",
        "Linden", "Heuvel", "Wal", "Meer", "Broek", "Daniëls", "Coëlho", "Israëls", "Michaëls", "Rooij", "Bruijn",
    ),
    trades=(
        "Installatietechniek", "Bouwmaterialen", "Groothandel", "Transport", "Logistiek", "Machinebouw",
        "Interieurbouw", "Elektrotechniek", "Drukkerij", "Verpakkingen", "Schildersbedrijf", "Dakwerken",
        "Koeltechniek", "Advies", "Makelaardij", "Automatisering", "Tuinbouw", "Zuivel", "Staalbouw",
        "Kantoormeubelen", "Medische Hulpmiddelen", "Café-Restaurant", "Scheepswerf", "Textiel", "Keukens",
        "Bloemenexport",
    ),
    legal_forms=("B.V.", "B.V.", "B.V.", "N.V.", "V.O.F.", "& Zonen", "Holding B.V.", "Nederland B.V."),
    mailboxes=("info", "verkoop", "administratie", "inkoop"),
)

BELGIUM = Country(
    code="BE", dial="32", post_code="#", house_first=False,
    cities=(
        City("Antwerpen", "Antwerpen", "3", "200"), City("Gent", "Oost-Vlaanderen", "9", "900"),
        City("Brugge", "West-Vlaanderen", "50", "800"), City("Leuven", "Vlaams-Brabant", "16", "300"),
        City("Mechelen", "Antwerpen", "15", "280"), City("Hasselt", "Limburg", "11", "350"),
        City("Kortrijk", "West-Vlaanderen", "56", "850"), City("Liège", "Liège", "4", "400"),
        City("Namur", "Namur", "81", "500"), City("Braine-l'Alleud", "Brabant Wallon", "2", "142"),
    ),
    streets=(
        "Kerkstraat", "Stationsstraat", "Grote Markt", "Nieuwstraat", "Koning Albertlaan", "Bruggestraat",
        "Rue de l'Église", "Rue Neuve", "Chaussée de Namur", "Industriepark", "Leuvensesteenweg", "Groenstraat",
    ),
    first_names=(
        "Luc", "Koen", "Bart", "Wim", "Tom", "Stijn", "Joris", "François", "Benoît", "Gérard", "Hélène", "Céline",
        "Aurélie", "Geneviève", "Lieve", "Griet", "Katrien", "Sofie", "An", "Hilde",
    ),
    middle_names=("", "", "", "", "Van", "De", "Van den"),
    surnames=(
        "Peeters", "Janssens", "Maes", "Jacobs", "Mertens", "Willems", "Claes", "Goossens", "Wouters", "Dubois",
        "Lambert", "Dupont", "Lemaître", "Hébert", "Noël", "Vermeersch", "Desmet", "Hermans", "Aerts", "Lefèvre",
    ),
    trades=(
        "Bouwwerken", "Chocolaterie", "Brouwerij", "Transport", "Textiel", "Garage", "Électricité", "Traiteur",
        "Schrijnwerken", "Tuinaanleg", "Drukkerij", "Consulting", "Meubelen", "Pharma",
    ),
    legal_forms=("NV", "BV", "BVBA", "SRL", "S.A.", "& Fils"),
    mailboxes=("info", "contact", "verkoop"),
)

GERMANY = Country(
    code="DE", dial="49", post_code="###", house_first=False,
    cities=(
        City("München", "Bayern", "89", "80"), City("Köln", "Nordrhein-Westfalen", "221", "50"),
        City("Düsseldorf", "Nordrhein-Westfalen", "211", "40"), City("Hamburg", "Hamburg", "40", "20"),
        City("Münster", "Nordrhein-Westfalen", "251", "48"), City("Nürnberg", "Bayern", "911", "90"),
        City("Osnabrück", "Niedersachsen", "541", "49"), City("Bremen", "Bremen", "421", "28"),
        City("Leipzig", "Sachsen", "341", "04"), City("Saarbrücken", "Saarland", "681", "66"),
    ),
    streets=(
        "Hauptstraße", "Bahnhofstraße", "Gartenstraße", "Schillerstraße", "Goethestraße", "Industriestraße",
        "Lindenweg", "Mühlenweg", "Königsallee", "Am Güterbahnhof", "Dorfstraße", "Ringstraße",
    ),
    first_names=(
        "Jürgen", "Günther", "Björn", "Stefan", "Andreas", "Klaus", "Matthias", "Jörg", "Uwe", "Sabine", "Petra",
        "Käthe", "Jördis", "Claudia", "Birgit", "Heike", "Anke", "Ulrike",
    ),
    middle_names=("", "", "", "", "", "", "", "von"),
    surnames=(
        "Müller", "Schröder", "Schäfer", "Köhler", "Krüger", "Schmidt", "Fischer", "Weber", "Wagner", "Becker",
        "Hoffmann", "Koch", "Richter", "Klein", "Wolf", "Neumann", "Zimmermann", "Weiß", "Groß", "Böhm", "Jäger",
    ),
    trades=(
        "Maschinenbau", "Werkzeuge", "Getränke", "Möbel", "Bäckerei", "Elektrotechnik", "Spedition", "Kältetechnik",
        "Metallbau", "Großhandel", "Druckerei", "Landtechnik", "Medizintechnik", "Küchen",
    ),
    legal_forms=("GmbH", "GmbH", "GmbH & Co. KG", "AG", "KG", "e.K."),
    mailboxes=("info", "kontakt", "vertrieb"),
)

GREAT_BRITAIN = Country(
    code="GB", dial="44", post_code="# #@@", house_first=True,
    cities=(
        City("Manchester", "Greater Manchester", "161", "M"), City("Birmingham", "West Midlands", "121", "B"),
        City("Leeds", "West Yorkshire", "113", "LS"), City("Sheffield", "South Yorkshire", "114", "S"),
        City("Liverpool", "Merseyside", "151", "L"), City("Norwich", "Norfolk", "160", "NR"),
        City("York", "North Yorkshire", "190", "YO"), City("Newcastle upon Tyne", "Tyne and Wear", "191", "NE"),
    ),
    streets=(
        "High Street", "Station Road", "Church Street", "Mill Lane", "Victoria Road", "King Street", "Queens Road",
        "Chapel Street", "Albert Street", "Park Avenue",
    ),
    first_names=(
        "James", "Oliver", "Harry", "George", "William", "Thomas", "Emily", "Charlotte", "Amelia", "Olivia", "Siân",
        "Niamh", "Zoë", "Alistair", "Fiona", "Graham",
    ),
    middle_names=("", "", "", "", "James", "Anne"),
    surnames=(
        "Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "Thomas", "Walker", "O'Brien", "Roberts", "Wright",
        "Hughes", "Fraser-Lewis", "MacLeod", "Brontë", "Clarke", "Hall", "Baker",
    ),
    trades=(
        "Engineering", "Builders Merchants", "Logistics", "Foods", "Printing", "Interiors", "Marine", "Electrical",
        "Joinery", "Wholesale", "Packaging", "Instruments",
    ),
    legal_forms=("Ltd", "Ltd.", "Limited", "PLC", "& Sons"),
    mailboxes=("info", "sales", "office"),
)

# The same country several times: the share of its companies.
COUNTRIES: tuple[Country, ...] = (NETHERLANDS,) * 12 + (BELGIUM,) * 3 + (GERMANY,) * 3 + (GREAT_BRITAIN,) * 2

JOB_TITLES: tuple[str, ...] = (
    "Inkoper", "Directeur", "Hoofd administratie", "Magazijnchef", "Financial controller", "Planner",
    "Bedrijfsleider", "Office manager", "Projectleider", "Werkvoorbereider", "Einkaufsleiter", "Buyer",
)

# Longer forms first: an abbreviation replaces the first that fits.
ABBREVIATIONS: tuple[tuple[str, str], ...] = (
    ("straat", "str."),
    ("straße", "str."),
    ("laan", "ln."),
    ("Burgemeester", "Burg."),
    ("Prins ", "Pr. "),
    (" Street", " St."),
    (" Road", " Rd."),
    (" Avenue", " Ave"),
    ("Chaussée", "Chée"),
    ("steenweg", "stwg."),
    ("weg", "wg."),
)

# The local currency first; the first six are the ones that Dataverse already has.
CURRENCIES: tuple[Currency, ...] = (
    Currency("EUR", "Euro", "€", 1.0), Currency("USD", "US dollar", "$", 1.1),
    Currency("GBP", "Pound Sterling", "£", 0.85), Currency("CHF", "Swiss franc", "CHF", 0.95),
    Currency("SEK", "Swedish krona", "kr", 11.2), Currency("PLN", "Polish zloty", "zł", 4.3),
    Currency("AED", "UAE dirham", "AED", 4.0), Currency("AUD", "Australian dollar", "A$", 1.65),
    Currency("BGN", "Bulgarian lev", "лв", 1.95), Currency("BRL", "Brazilian real", "R$", 5.6),
    Currency("CAD", "Canadian dollar", "C$", 1.5), Currency("CNY", "Chinese yuan", "CN¥", 7.8),
    Currency("CZK", "Czech koruna", "Kč", 25.0), Currency("DKK", "Danish krone", "kr", 7.46),
    Currency("HKD", "Hong Kong dollar", "HK$", 8.5), Currency("HUF", "Hungarian forint", "Ft", 395.0),
    Currency("IDR", "Indonesian rupiah", "Rp", 17500.0), Currency("INR", "Indian rupee", "₹", 92.0),
    Currency("ISK", "Icelandic krona", "kr", 149.0), Currency("JPY", "Japanese yen", "¥", 163.0),
    Currency("KRW", "South Korean won", "₩", 1480.0), Currency("MAD", "Moroccan dirham", "DH", 10.8),
    Currency("MXN", "Mexican peso", "MX$", 19.5), Currency("NOK", "Norwegian krone", "kr", 11.6),
    Currency("NZD", "New Zealand dollar", "NZ$", 1.8), Currency("RON", "Romanian leu", "lei", 4.97),
    Currency("SGD", "Singapore dollar", "S$", 1.45), Currency("THB", "Thai baht", "฿", 39.0),
    Currency("TRY", "Turkish lira", "₺", 35.0), Currency("ZAR", "South African rand", "R", 20.1),
)
# fmt: on

DATAVERSE_CURRENCIES = 6
