"""Every bound of usher in one file, with the relations between them asserted.

Units stand last in the name: `_s` seconds, `_ms` milliseconds, `_bytes`, `_max` a count.
"""

from typing import Final

# --- seats and plans
plan_seats_max: Final = 80_000  # one byte a seat: 80 kB a snapshot
plan_bytes_max: Final = 64 * 1024 * 1024  # a pretix plan of 80,000 seats is about 30 MB
plan_errors_max: Final = 20  # faults named at once in one refusal
categories_max: Final = 64
price_max: Final = 100_000_000  # minor units: a million euros a seat is a typing error
name_chars_max: Final = 200
description_chars_max: Final = 5_000
guid_chars_max: Final = 120

# --- holds
hold_seats_max: Final = 20  # seats in one hold; scripts are O(seats)
fan_seats_default: Final = 6
fan_seats_max: Final = 50
hold_s_default: Final = 600
hold_cap_s_default: Final = 1_200  # from the first second of the hold, extensions included
hold_s_min: Final = 5
hold_s_max: Final = 7_200
admission_beyond_s: Final = hold_s_max  # its token outlives an admission by what a hold may last
hold_tombstone_s: Final = 600  # a freed hold is remembered so that a replay is told so
sweep_batch_max: Final = 200

# --- the line
claim_s_default: Final = 120
shop_s_default: Final = 600
window_s_min: Final = 5
window_s_max: Final = 7_200
rate_per_min_default: Final = 600
rate_per_min_max: Final = 600_000
rate_floor_pct_default: Final = 10  # of the rate: the gate is never slowed below that
capacity_default: Final = 300
capacity_max: Final = 1_000_000
release_batch_max: Final = 250  # places called by one run of the gate
release_batches_max: Final = 8  # runs in one turn of it: ten turns a second reach rate_per_min_max
expire_batch_max: Final = 250  # lapses seen by one run of the gate
# Places numbered by one run of the draw. When Redis has just forked to rewrite its log, a run
# copies every page it touches, 13 to 20 a place: 40 are 2 to 4 ms then, 100 4 to 7, 1,000 were 25.
draw_batch_max: Final = 40
place_token_s: Final = 14 * 24 * 3600
number_gap: Final = 100_000  # left free after a loss of Redis; see queue/service.py
strain_kept_ms: Final = 10_000  # a process that has not reported for so long says nothing
commit_lag_max_ms: Final = 2_000  # bookings that wait longer for their commit slow the gate
answer_max_ms: Final = 300  # ... and so do the shop's answers that take longer, on average
ledger_fill_max: Final = 50_000  # ... and so many entries on the ledger, a quarter of what it takes
feed_entries_max: Final = 20_000
signal_entries_max: Final = 20_000
ledger_entries_max: Final = 200_000  # above this the ledger refuses: 503, nothing lost

# --- bookings and money
payment_s_default: Final = 900
payment_s_min: Final = 5
payment_s_max: Final = 7 * 24 * 3600
ledger_batch_max: Final = 500  # measured best batch of the commit
email_chars_max: Final = 254  # RFC 5321
person_name_chars_max: Final = 120
phone_chars_max: Final = 16  # E.164: a plus and fifteen digits
language_chars_max: Final = 100
notice_chars_max: Final = 500
cancel_before_s_max: Final = 366 * 24 * 3600
reason_chars_max: Final = 200
wind_up_batch_max: Final = 100  # bookings of a cancelled event given back by one transaction
payment_cap_s: Final = 7_200  # from the booking on, however long the provider is away
payment_grace_s: Final = 300  # once more to pay in when the provider is back

# --- messages to fans
messages_at_once: Final = 4  # on their way to one mail server, each on a connection of its own
message_s: Final = 15  # from the first word to the mail server to its last
message_batch_max: Final = 40  # letters taken from the outbox at once
message_batch_s: Final = 45  # no message of a batch is begun later
message_lease_s: Final = 150  # a carrier that has said nothing so long has died
message_answer_chars_max: Final = 300
message_again_s: Final = 60  # a fan may have their tickets sent again so long after the last time
reminder_before_s: Final = 24 * 3600
reminder_batch_max: Final = 500
opt_out_token_s: Final = 400 * 24 * 3600  # RFC 8058: as long as somebody may keep the mail

# --- hooks
hook_url_chars_max: Final = 2_000
hooks_max: Final = 20  # of one organiser
hook_answer_bytes_max: Final = 1_024  # kept of what a receiver says; no more is read

# --- what is kept
letters_kept_s: Final = (
    30 * 24 * 3600
)  # letters that are done, and deliveries; see outbox/queries.py
sweep_rows_max: Final = 1_000  # forgotten by one statement

# --- the door
code_chars_max: Final = 512  # a ticket's code has about 200; other codes in the world have more
entrance_chars_max: Final = 60
nonce_chars_min: Final = 16  # a UUID has 36
nonce_chars_max: Final = 64
scan_batch_max: Final = 500  # scans uploaded at once by a device that was offline
scan_batch_bytes_max: Final = 1024 * 1024

# --- the waiting list
offer_s_default: Final = 4 * 3600
offer_s_min: Final = 5
offer_s_max: Final = 7 * 24 * 3600
waitlist_entries_max: Final = 20_000  # of one event, at one time
waitlist_token_s: Final = 365 * 24 * 3600
waitlist_batch_max: Final = 200  # entries read at once when seats are offered

# --- HTTP
body_bytes_max: Final = 64 * 1024
token_chars_max: Final = 2_048
idempotency_key_chars_max: Final = 128
join_key_chars_min: Final = 16  # the key of a first join stands for the fan: a UUID has 36
page_rows_max: Final = 200
# Requests under way in a process, from which on newcomers, who waits, who looks at seats and who
# shops are told 503. Under full load there are some hundreds; more wait for a server behind us.
in_flight_max: Final = (1_000, 1_500, 2_000, 4_000)
sse_streams_max: Final = 50_000  # per process; above it a stream is told 503

# --- accounts
password_chars_min: Final = 10
password_chars_max: Final = 256  # argon2 hashes all of it: a bound against long-hash attacks
access_token_s: Final = 900
refresh_token_s: Final = 7 * 24 * 3600  # from its last use: who comes once a week stays logged in
refresh_grace_s: Final = 30  # a token used a moment ago gives the same successor again
refresh_sweep_max: Final = 1_000  # families forgotten by one statement
account_families_max: Final = 50  # logins of one account at a time; the oldest goes
account_fans_max: Final = 500  # browsers whose bookings one account may claim
fan_token_s: Final = 180 * 24 * 3600

# --- tickets
ticket_link_s: Final = 550 * 24 * 3600  # events are sold more than a year ahead
revoked_fresh_s: Final = 5
ticket_keys_fresh_s: Final = 300

assert ledger_fill_max < ledger_entries_max
assert hold_s_default <= hold_cap_s_default <= hold_s_max
assert hold_seats_max <= fan_seats_max
assert hold_s_min < hold_s_default
assert ledger_batch_max < ledger_entries_max
assert fan_seats_default <= fan_seats_max
assert release_batch_max * release_batches_max * 10 * 60 >= rate_per_min_max
assert message_s < message_batch_s
assert 2 * (message_batch_s + message_s) < message_lease_s
assert refresh_grace_s < access_token_s < refresh_token_s
