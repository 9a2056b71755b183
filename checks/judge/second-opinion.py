"""The answers of replay.md once more, by plain loops with csv and decimal: so that the judge itself is judged.

python3 checks/judge/second-opinion.py FILE... [--opening-stock N] [--repeat N]   prints "query<TAB>row as JSON", sorted.
"""
import argparse, csv, datetime as dt, gzip, io, json, re
from collections import Counter, defaultdict
from decimal import Decimal

arguments = argparse.ArgumentParser()
arguments.add_argument("files", nargs="+")
arguments.add_argument("--opening-stock", type=int, default=1_000_000)
arguments.add_argument("--repeat", type=int, default=1)
options = arguments.parse_args()

refused, accepted = Counter(), []
for file in options.files:
    data = open(file, "rb").read()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(text, newline="")):
        if not row or row[0] == "InvoiceNo":
            continue
        reason = None
        try:
            number, sku, about, quantity, date, price, customer, country = row
            if not re.fullmatch(r"-?[0-9]+", quantity) or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", price):
                raise ValueError
            if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", date):
                raise ValueError
            number, sku, quantity, price = number.strip(), sku.strip(), int(quantity), Decimal(price)
            at = dt.datetime.strptime(date, "%Y-%m-%d %H:%M:%S").replace(tzinfo=dt.timezone.utc)
            if not number or not sku or quantity == 0:
                raise ValueError
            customer = re.sub(r"\.0$", "", customer.strip())
            if number[0] == "A":
                reason = "ledger-adjustment"
            elif price < 0:
                reason = "negative-price"
            elif number[0] == "C" and quantity > 0:
                reason = "positive-cancellation"
            elif number[0] != "C" and quantity < 0 and (price != 0 or customer):
                reason = "negative-quantity"
        except ValueError:
            reason = "malformed-row"
        if reason:
            refused[reason] += 1
        else:
            accepted.append((number, sku, quantity, at, price, customer, country.strip()))

invoices, met = [], Counter()
for row in accepted:
    if not invoices or invoices[-1]["number"] != row[0]:
        met[row[0]] += 1
        times = met[row[0]]
        invoices.append({"number": row[0], "id": row[0] if times == 1 else f"{row[0]}-{times}", "at": row[3], "customer": row[5], "country": row[6], "rows": []})
    invoices[-1]["rows"].append(row)

DAY = dt.timedelta(days=1)
span = (accepted[-1][3].date() - accepted[0][3].date() + DAY) if accepted else DAY
orders_day, cancels_day = defaultdict(lambda: [0, 0, Decimal(0)]), defaultdict(lambda: [0, 0, Decimal(0)])
by_sku = defaultdict(lambda: [0, Decimal(0)])
level = Counter({row[1]: options.opening_stock for row in accepted})
products, customers, alerts = defaultdict(lambda: defaultdict(lambda: [0, Decimal(0)])), defaultdict(set), []
cards, history = defaultdict(list), defaultdict(list)
HOUR = dt.timedelta(minutes=60)

for r in range(options.repeat):
    for invoice in invoices:
        suffix = f"~{r}" if r else ""
        number, at = invoice["id"] + suffix, invoice["at"] + r * span
        customer = invoice["customer"] + suffix if invoice["customer"] else None
        cancels = invoice["number"][0] == "C"
        items = []
        for (_, sku, quantity, _, price, guestless, _) in invoice["rows"]:
            if not cancels and price == 0 and not guestless:
                level[sku] += quantity
            else:
                items.append((sku, abs(quantity), price))
        if not items:
            continue
        total, units = sum((q * p for _, q, p in items), Decimal(0)), sum(q for _, q, _ in items)
        day = at.date()
        cell = (cancels_day if cancels else orders_day)[(invoice["country"], day)]
        cell[0] += 1; cell[1] += units; cell[2] += total
        for sku, quantity, price in items:
            if cancels:
                level[sku] += quantity
                continue
            level[sku] -= quantity
            by_sku[sku][0] += quantity; by_sku[sku][1] += quantity * price
            products[day][sku][0] += quantity; products[day][sku][1] += quantity * price
        if cancels:
            if total >= 1000 and customer:
                for order in history[customer]:
                    if order["total"] == total and not order["matched"] and dt.timedelta(0) <= at - order["at"] <= HOUR:
                        order["matched"] = True
                        alerts.append(("cancelled-huge-order", customer, order["id"], at))
                        break
            continue
        if customer:
            customers[day].add(customer)
            earlier = [order["total"] for order in history[customer]]
            if len(earlier) >= 3 and total > 500 and total * len(earlier) > 5 * sum(earlier):
                alerts.append(("unusual-order-value", customer, number, at))
            history[customer].append({"id": number, "at": at, "total": total, "matched": False})
        if total > 0:
            card = f"card-{customer or 'guest-' + number}"
            recent = [a for a in cards[card] if at - HOUR < a["at"] <= at]
            fires = len(recent) + 1 >= 4 and not any(a["fired"] for a in recent)
            cards[card].append({"at": at, "fired": fires})
            if fires:
                alerts.append(("card-velocity", card, number, at))


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def window(day):
    start = dt.datetime(day.year, day.month, day.day)
    return {"window_start": stamp(start), "window_end": stamp(start + DAY)}


def money(value):
    whole, _, places = f"{value:.4f}".partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


lines = []
def answer(query, **row):
    lines.append(f"{query}\t{json.dumps({k: str(v) for k, v in row.items()}, sort_keys=True, ensure_ascii=False)}")


for (country, day), (count, units, total) in orders_day.items():
    answer("orders-by-day", country=country, **window(day), orders=count, units=units, revenue=money(total))
for (country, day), (count, units, total) in cancels_day.items():
    answer("cancellations-by-day", country=country, **window(day), cancellations=count, units=units, value=money(total))
for sku, (units, revenue) in by_sku.items():
    answer("sales-by-sku", sku=sku, units=units, revenue=money(revenue))
for sku, units in level.items():
    answer("stock-levels", sku=sku, level=units)
for day, skus in products.items():
    best = sorted(skus.items(), key=lambda entry: (-entry[1][1], entry[0]))[:10]
    for rank, (sku, (units, revenue)) in enumerate(best, 1):
        answer("top-products-by-day", **window(day), rank=rank, sku=sku, units=units, revenue=money(revenue))
for day, who in customers.items():
    answer("customers-by-day", **window(day), customers=len(who))
for rule, subject, order, at in alerts:
    answer("fraud-alerts", rule=rule, subject=subject, orderId=order, at=stamp(at))
for reason, count in refused.items():
    answer("refused", reason=reason, rows=count)
answer("accepted", rows=len(accepted), invoices=len(invoices))
print("\n".join(sorted(lines)))
