--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: account; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account (
    id text NOT NULL,
    email text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_email_folded CHECK ((email = lower(email))),
    CONSTRAINT account_role_known CHECK ((role = ANY (ARRAY['fan'::text, 'organiser'::text, 'staff'::text, 'admin'::text]))),
    CONSTRAINT account_state_known CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])))
);

--
-- Name: account_fan; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account_fan (
    fan_id text NOT NULL,
    account_id text NOT NULL,
    tied_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: booking; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.booking (
    id text NOT NULL,
    event_id text NOT NULL,
    hold_id text NOT NULL,
    place_id text NOT NULL,
    fan_id text NOT NULL,
    digest text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    state text NOT NULL,
    total bigint NOT NULL,
    currency text NOT NULL,
    seats integer[] NOT NULL,
    prices bigint[] NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    due timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    language text DEFAULT 'en'::text NOT NULL,
    phone text DEFAULT ''::text NOT NULL,
    returned integer[] DEFAULT '{}'::integer[] NOT NULL,
    refunded bigint DEFAULT 0 NOT NULL,
    CONSTRAINT booking_has_seats CHECK (((cardinality(seats) > 0) AND (cardinality(seats) = cardinality(prices)))),
    CONSTRAINT booking_hold_once CHECK ((substr(id, 5) = substr(hold_id, 5))),
    CONSTRAINT booking_refunded_possible CHECK (((refunded >= 0) AND (refunded <= total))),
    CONSTRAINT booking_state_known CHECK ((state = ANY (ARRAY['awaiting_payment'::text, 'confirmed'::text, 'expired'::text, 'conflict'::text, 'cancelled'::text, 'refunded'::text]))),
    CONSTRAINT booking_total_possible CHECK ((total >= 0))
);

--
-- Name: category; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.category (
    event_id text NOT NULL,
    rank smallint NOT NULL,
    name text NOT NULL,
    color text DEFAULT ''::text NOT NULL,
    price bigint NOT NULL,
    CONSTRAINT category_price_possible CHECK ((price >= 0))
);

--
-- Name: dead_letter; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dead_letter (
    event_id text NOT NULL,
    entry_id text NOT NULL,
    fields jsonb NOT NULL,
    fault text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.event (
    id text NOT NULL,
    production_id text NOT NULL,
    hall_id text NOT NULL,
    plan_id text NOT NULL,
    title text NOT NULL,
    currency text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    state text DEFAULT 'draft'::text NOT NULL,
    organiser_id text,
    built_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    cancel_before_s integer,
    cancelled_at timestamp with time zone,
    wound_up_at timestamp with time zone,
    shadow boolean DEFAULT false NOT NULL,
    CONSTRAINT event_cancel_before_possible CHECK ((cancel_before_s >= 0)),
    CONSTRAINT event_currency_shape CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT event_state_known CHECK ((state = ANY (ARRAY['draft'::text, 'published'::text, 'cancelled'::text])))
);

--
-- Name: hall; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hall (
    id text NOT NULL,
    venue_id text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: hook; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hook (
    id text NOT NULL,
    account_id text,
    url text NOT NULL,
    kinds text[] DEFAULT '{}'::text[] NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    digest text NOT NULL,
    kid text NOT NULL,
    salt text NOT NULL,
    old_kid text DEFAULT ''::text NOT NULL,
    old_salt text DEFAULT ''::text NOT NULL,
    old_until timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    probe_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT hook_reason_known CHECK ((reason = ANY (ARRAY[''::text, 'gone'::text, 'failing'::text]))),
    CONSTRAINT hook_reason_told CHECK (((state = 'broken'::text) = (reason <> ''::text))),
    CONSTRAINT hook_state_known CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'broken'::text])))
);

--
-- Name: hook_delivery; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hook_delivery (
    id text NOT NULL,
    hook_id text NOT NULL,
    fact text NOT NULL,
    subject text NOT NULL,
    event_id text,
    body text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    status integer,
    answer text DEFAULT ''::text NOT NULL,
    fault text DEFAULT ''::text NOT NULL,
    due timestamp with time zone DEFAULT now() NOT NULL,
    until timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    tried_at timestamp with time zone,
    done_at timestamp with time zone,
    CONSTRAINT hook_delivery_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'dead'::text])))
);

--
-- Name: message; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.message (
    id text NOT NULL,
    channel text NOT NULL,
    fact text NOT NULL,
    letter text NOT NULL,
    booking_id text,
    event_id text NOT NULL,
    recipient text NOT NULL,
    state text DEFAULT 'sending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    tried_at timestamp with time zone,
    sent_at timestamp with time zone,
    CONSTRAINT message_channel_known CHECK ((channel = ANY (ARRAY['email'::text, 'sms'::text]))),
    CONSTRAINT message_sent_at_known CHECK (((state = 'sent'::text) = (sent_at IS NOT NULL))),
    CONSTRAINT message_state_known CHECK ((state = ANY (ARRAY['sending'::text, 'sent'::text, 'failed'::text, 'skipped'::text])))
);

--
-- Name: migration; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.migration (
    id integer NOT NULL,
    name character varying(200) DEFAULT ''::character varying NOT NULL,
    app_name character varying(200) DEFAULT ''::character varying NOT NULL,
    ran_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);

--
-- Name: migration_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.migration_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: migration_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.migration_id_seq OWNED BY public.migration.id;

--
-- Name: opt_out; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.opt_out (
    recipient text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: outbox; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox (
    id bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    fault text DEFAULT ''::text NOT NULL,
    due timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    done_at timestamp with time zone,
    CONSTRAINT outbox_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'dead'::text])))
);

--
-- Name: outbox_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: payment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.payment (
    id text NOT NULL,
    booking_id text NOT NULL,
    event_id text NOT NULL,
    provider text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    attempt integer NOT NULL,
    state text DEFAULT 'started'::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    reference text DEFAULT ''::text NOT NULL,
    CONSTRAINT payment_amount_possible CHECK ((amount > 0)),
    CONSTRAINT payment_state_known CHECK ((state = ANY (ARRAY['started'::text, 'authorised'::text, 'captured'::text, 'voiding'::text, 'voided'::text, 'declined'::text, 'failed'::text])))
);

--
-- Name: payment_finding; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.payment_finding (
    provider text NOT NULL,
    payment_id text NOT NULL,
    event_id text DEFAULT ''::text NOT NULL,
    what text NOT NULL,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    gone_at timestamp with time zone
);

--
-- Name: payment_message; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.payment_message (
    provider text NOT NULL,
    message_id text NOT NULL,
    payment_id text NOT NULL,
    kind text NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: payment_outage; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.payment_outage (
    provider text NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: plan; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.plan (
    id text NOT NULL,
    hall_id text NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    seats integer NOT NULL,
    document bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    report jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT plan_has_seats CHECK ((seats > 0))
);

--
-- Name: production; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.production (
    id text NOT NULL,
    title text NOT NULL,
    kind text DEFAULT 'concert'::text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: refresh_family; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.refresh_family (
    id text NOT NULL,
    account_id text NOT NULL,
    serial bigint DEFAULT 1 NOT NULL,
    rotated_at timestamp with time zone DEFAULT now() NOT NULL,
    due timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT refresh_family_end_known CHECK ((ended_by = ANY (ARRAY[''::text, 'logout'::text, 'everywhere'::text, 'password'::text, 'reuse'::text]))),
    CONSTRAINT refresh_family_end_told CHECK (((ended_at IS NULL) = (ended_by = ''::text))),
    CONSTRAINT refresh_family_serial_counts CHECK ((serial > 0))
);

--
-- Name: refund; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.refund (
    id text NOT NULL,
    booking_id text NOT NULL,
    event_id text NOT NULL,
    payment_id text,
    seats integer[] NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    actor text NOT NULL,
    by_hand boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    done_at timestamp with time zone,
    CONSTRAINT refund_amount_possible CHECK ((amount >= 0)),
    CONSTRAINT refund_has_seats CHECK ((cardinality(seats) > 0)),
    CONSTRAINT refund_of_a_payment CHECK (((amount = 0) OR (payment_id IS NOT NULL))),
    CONSTRAINT refund_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text, 'dropped'::text])))
);

--
-- Name: rehearsal; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rehearsal (
    event_id text NOT NULL,
    source_id text NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone
);

--
-- Name: reminder; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reminder (
    booking_id text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: sale; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sale (
    event_id text NOT NULL,
    mode text DEFAULT 'queued'::text NOT NULL,
    state text DEFAULT 'draft'::text NOT NULL,
    gate_state text DEFAULT 'open'::text NOT NULL,
    lobby_at timestamp with time zone,
    opens_at timestamp with time zone,
    closes_at timestamp with time zone,
    rate_per_min integer NOT NULL,
    capacity integer NOT NULL,
    claim_s integer NOT NULL,
    shop_s integer NOT NULL,
    hold_s integer NOT NULL,
    hold_cap_s integer NOT NULL,
    payment_s integer NOT NULL,
    seats_max integer NOT NULL,
    draw_key bytea NOT NULL,
    lobby_size integer,
    number_high bigint DEFAULT 0 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    access text DEFAULT 'guest'::text NOT NULL,
    waitlist text DEFAULT 'on'::text NOT NULL,
    offer_s integer DEFAULT 14400 NOT NULL,
    throttle text DEFAULT 'on'::text NOT NULL,
    rate_floor_pct integer DEFAULT 10 NOT NULL,
    CONSTRAINT sale_access_known CHECK ((access = ANY (ARRAY['guest'::text, 'login'::text]))),
    CONSTRAINT sale_capacity_possible CHECK ((capacity > 0)),
    CONSTRAINT sale_gate_state_known CHECK ((gate_state = ANY (ARRAY['open'::text, 'paused'::text]))),
    CONSTRAINT sale_mode_known CHECK ((mode = ANY (ARRAY['simple'::text, 'queued'::text]))),
    CONSTRAINT sale_offer_possible CHECK ((offer_s > 0)),
    CONSTRAINT sale_rate_floor_possible CHECK (((rate_floor_pct >= 1) AND (rate_floor_pct <= 100))),
    CONSTRAINT sale_rate_possible CHECK ((rate_per_min > 0)),
    CONSTRAINT sale_state_known CHECK ((state = ANY (ARRAY['draft'::text, 'lobby'::text, 'open'::text, 'paused'::text, 'closed'::text, 'sold_out'::text]))),
    CONSTRAINT sale_throttle_known CHECK ((throttle = ANY (ARRAY['on'::text, 'off'::text]))),
    CONSTRAINT sale_times_ordered CHECK ((((lobby_at IS NULL) OR (opens_at IS NULL) OR (lobby_at <= opens_at)) AND ((opens_at IS NULL) OR (closes_at IS NULL) OR (opens_at < closes_at)))),
    CONSTRAINT sale_waitlist_known CHECK ((waitlist = ANY (ARRAY['on'::text, 'off'::text]))),
    CONSTRAINT sale_windows_possible CHECK (((claim_s > 0) AND (shop_s > 0) AND (hold_s > 0) AND (hold_cap_s >= hold_s) AND (payment_s > 0) AND (seats_max > 0)))
);

--
-- Name: sale_change; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sale_change (
    id bigint NOT NULL,
    event_id text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor text NOT NULL,
    field text NOT NULL,
    before text NOT NULL,
    after text NOT NULL
);

--
-- Name: sale_change_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.sale_change ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.sale_change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: sandbox_charge; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sandbox_charge (
    id text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    metadata jsonb NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    trouble text DEFAULT ''::text NOT NULL,
    bank text DEFAULT 'sandbox'::text NOT NULL,
    CONSTRAINT sandbox_charge_bank_known CHECK ((bank = ANY (ARRAY['sandbox'::text, 'rehearsal'::text]))),
    CONSTRAINT sandbox_charge_state_known CHECK ((state = ANY (ARRAY['open'::text, 'authorised'::text, 'declined'::text, 'captured'::text, 'voided'::text]))),
    CONSTRAINT sandbox_charge_trouble_known CHECK ((trouble = ANY (ARRAY[''::text, 'timeout_on_capture'::text, 'capture_fails'::text])))
);

--
-- Name: sandbox_refund; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sandbox_refund (
    id text NOT NULL,
    charge_id text NOT NULL,
    amount bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sandbox_refund_amount_possible CHECK ((amount > 0))
);

--
-- Name: sandbox_webhook; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sandbox_webhook (
    id text NOT NULL,
    charge_id text NOT NULL,
    message_id text NOT NULL,
    kind text NOT NULL,
    due timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    sent_at timestamp with time zone,
    bank text DEFAULT 'sandbox'::text NOT NULL
);

--
-- Name: scan; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.scan (
    id text NOT NULL,
    event_id text NOT NULL,
    booking_id text,
    seat integer,
    serial integer,
    digest text NOT NULL,
    typed boolean DEFAULT false NOT NULL,
    entrance text DEFAULT ''::text NOT NULL,
    actor text NOT NULL,
    scanned_at timestamp with time zone NOT NULL,
    uploaded_at timestamp with time zone DEFAULT now() NOT NULL,
    outcome text NOT NULL,
    let_in boolean NOT NULL,
    CONSTRAINT scan_admits_a_ticket CHECK (((outcome <> ALL (ARRAY['admitted'::text, 'double'::text])) OR (let_in AND (booking_id IS NOT NULL) AND (seat IS NOT NULL)))),
    CONSTRAINT scan_outcome_known CHECK ((outcome = ANY (ARRAY['admitted'::text, 'double'::text, 'already_used'::text, 'revoked'::text, 'cancelled'::text, 'not_confirmed'::text, 'wrong_event'::text, 'unknown_ticket'::text, 'unsigned'::text, 'forged'::text, 'no_ticket'::text])))
);

--
-- Name: seat; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.seat (
    event_id text NOT NULL,
    index integer NOT NULL,
    guid text NOT NULL,
    category smallint NOT NULL,
    blocked boolean DEFAULT false NOT NULL
);

--
-- Name: ticket; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ticket (
    booking_id text NOT NULL,
    event_id text NOT NULL,
    seat integer NOT NULL,
    price bigint NOT NULL,
    state text DEFAULT 'live'::text NOT NULL,
    serial integer DEFAULT 0 NOT NULL,
    holder text DEFAULT ''::text NOT NULL,
    holder_email text DEFAULT ''::text NOT NULL,
    used_at timestamp with time zone,
    used_where text DEFAULT ''::text NOT NULL,
    used_by text,
    CONSTRAINT ticket_holder_has_serial CHECK (((holder = ''::text) OR (serial > 0))),
    CONSTRAINT ticket_holder_reachable CHECK (((holder = ''::text) = (holder_email = ''::text))),
    CONSTRAINT ticket_seat_possible CHECK ((seat >= 0)),
    CONSTRAINT ticket_serial_possible CHECK ((serial >= 0)),
    CONSTRAINT ticket_state_known CHECK ((state = ANY (ARRAY['live'::text, 'void'::text, 'cancelled'::text]))),
    CONSTRAINT ticket_use_told CHECK ((((used_at IS NULL) = (used_by IS NULL)) AND ((used_where = ''::text) OR (used_at IS NOT NULL))))
);

--
-- Name: ticket_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ticket_key (
    kid text NOT NULL,
    public bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT ticket_key_is_ed25519 CHECK ((octet_length(public) = 32))
);

--
-- Name: ticket_transfer; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ticket_transfer (
    booking_id text NOT NULL,
    seat integer NOT NULL,
    serial integer NOT NULL,
    holder text NOT NULL,
    holder_email text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ticket_transfer_serial_possible CHECK ((serial > 0))
);

--
-- Name: venue; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.venue (
    id text NOT NULL,
    name text NOT NULL,
    city text DEFAULT ''::text NOT NULL,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: waitlist; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.waitlist (
    id text NOT NULL,
    event_id text NOT NULL,
    turn bigint NOT NULL,
    fan_id text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    email text NOT NULL,
    language text DEFAULT 'en'::text NOT NULL,
    quantity integer NOT NULL,
    categories text[] DEFAULT '{}'::text[] NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    hold_id text DEFAULT ''::text NOT NULL,
    seats integer[] DEFAULT '{}'::integer[] NOT NULL,
    offered_at timestamp with time zone,
    due timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT waitlist_offer_whole CHECK (((state <> 'offered'::text) OR ((hold_id <> ''::text) AND (due IS NOT NULL) AND (cardinality(seats) = quantity)))),
    CONSTRAINT waitlist_quantity_possible CHECK ((quantity > 0)),
    CONSTRAINT waitlist_state_known CHECK ((state = ANY (ARRAY['waiting'::text, 'offered'::text, 'booked'::text, 'lapsed'::text, 'declined'::text, 'left'::text])))
);

--
-- Name: waitlist_turn_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.waitlist ALTER COLUMN turn ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.waitlist_turn_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: migration id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.migration ALTER COLUMN id SET DEFAULT nextval('public.migration_id_seq'::regclass);

--
-- Name: account account_email_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_email_once UNIQUE (email);

--
-- Name: account_fan account_fan_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account_fan
    ADD CONSTRAINT account_fan_once PRIMARY KEY (fan_id);

--
-- Name: account account_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

--
-- Name: booking booking_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_pkey PRIMARY KEY (id);

--
-- Name: category category_name_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.category
    ADD CONSTRAINT category_name_once UNIQUE (event_id, name);

--
-- Name: category category_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.category
    ADD CONSTRAINT category_pkey PRIMARY KEY (event_id, rank);

--
-- Name: dead_letter dead_letter_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (event_id, entry_id);

--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

--
-- Name: hall hall_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hall
    ADD CONSTRAINT hall_pkey PRIMARY KEY (id);

--
-- Name: hook_delivery hook_delivery_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hook_delivery
    ADD CONSTRAINT hook_delivery_pkey PRIMARY KEY (id);

--
-- Name: hook hook_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hook
    ADD CONSTRAINT hook_pkey PRIMARY KEY (id);

--
-- Name: message message_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (id);

--
-- Name: migration migration_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (id);

--
-- Name: opt_out opt_out_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.opt_out
    ADD CONSTRAINT opt_out_pkey PRIMARY KEY (recipient);

--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

--
-- Name: outbox outbox_subject_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_subject_once UNIQUE (kind, subject);

--
-- Name: payment payment_attempt_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_attempt_once UNIQUE (booking_id, attempt);

--
-- Name: payment_finding payment_finding_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payment_finding
    ADD CONSTRAINT payment_finding_pkey PRIMARY KEY (provider, payment_id);

--
-- Name: payment_message payment_message_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payment_message
    ADD CONSTRAINT payment_message_pkey PRIMARY KEY (provider, message_id);

--
-- Name: payment_outage payment_outage_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payment_outage
    ADD CONSTRAINT payment_outage_pkey PRIMARY KEY (provider);

--
-- Name: payment payment_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_pkey PRIMARY KEY (id);

--
-- Name: plan plan_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.plan
    ADD CONSTRAINT plan_pkey PRIMARY KEY (id);

--
-- Name: production production_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.production
    ADD CONSTRAINT production_pkey PRIMARY KEY (id);

--
-- Name: refresh_family refresh_family_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refresh_family
    ADD CONSTRAINT refresh_family_pkey PRIMARY KEY (id);

--
-- Name: refund refund_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refund
    ADD CONSTRAINT refund_pkey PRIMARY KEY (id);

--
-- Name: rehearsal rehearsal_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rehearsal
    ADD CONSTRAINT rehearsal_pkey PRIMARY KEY (event_id);

--
-- Name: reminder reminder_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reminder
    ADD CONSTRAINT reminder_pkey PRIMARY KEY (booking_id);

--
-- Name: sale_change sale_change_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sale_change
    ADD CONSTRAINT sale_change_pkey PRIMARY KEY (id);

--
-- Name: sale sale_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sale
    ADD CONSTRAINT sale_pkey PRIMARY KEY (event_id);

--
-- Name: sandbox_charge sandbox_charge_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sandbox_charge
    ADD CONSTRAINT sandbox_charge_pkey PRIMARY KEY (id);

--
-- Name: sandbox_refund sandbox_refund_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sandbox_refund
    ADD CONSTRAINT sandbox_refund_pkey PRIMARY KEY (id);

--
-- Name: sandbox_webhook sandbox_webhook_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sandbox_webhook
    ADD CONSTRAINT sandbox_webhook_pkey PRIMARY KEY (id);

--
-- Name: scan scan_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scan
    ADD CONSTRAINT scan_pkey PRIMARY KEY (id);

--
-- Name: seat seat_guid_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.seat
    ADD CONSTRAINT seat_guid_once UNIQUE (event_id, guid);

--
-- Name: seat seat_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.seat
    ADD CONSTRAINT seat_pkey PRIMARY KEY (event_id, index);

--
-- Name: ticket_key ticket_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ticket_key
    ADD CONSTRAINT ticket_key_pkey PRIMARY KEY (kid);

--
-- Name: ticket ticket_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT ticket_pkey PRIMARY KEY (booking_id, seat);

--
-- Name: ticket_transfer ticket_transfer_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ticket_transfer
    ADD CONSTRAINT ticket_transfer_pkey PRIMARY KEY (booking_id, seat, serial);

--
-- Name: venue venue_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.venue
    ADD CONSTRAINT venue_pkey PRIMARY KEY (id);

--
-- Name: waitlist waitlist_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist
    ADD CONSTRAINT waitlist_pkey PRIMARY KEY (id);

--
-- Name: account_fan_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX account_fan_by_account ON public.account_fan USING btree (account_id);

--
-- Name: booking_by_event; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX booking_by_event ON public.booking USING btree (event_id, created_at, id);

--
-- Name: booking_by_fan; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX booking_by_fan ON public.booking USING btree (fan_id, created_at, id);

--
-- Name: booking_unpaid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX booking_unpaid ON public.booking USING btree (due) WHERE (state = 'awaiting_payment'::text);

--
-- Name: event_by_start; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX event_by_start ON public.event USING btree (starts_at, id);

--
-- Name: event_to_wind_up; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX event_to_wind_up ON public.event USING btree (id) WHERE ((state = 'cancelled'::text) AND (wound_up_at IS NULL));

--
-- Name: hook_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hook_by_account ON public.hook USING btree (account_id, created_at, id);

--
-- Name: hook_delivery_done; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hook_delivery_done ON public.hook_delivery USING btree (done_at) WHERE (state <> 'pending'::text);

--
-- Name: hook_delivery_late; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hook_delivery_late ON public.hook_delivery USING btree (until) WHERE (state = 'pending'::text);

--
-- Name: hook_delivery_log; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hook_delivery_log ON public.hook_delivery USING btree (hook_id, created_at, id);

--
-- Name: hook_delivery_pending; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hook_delivery_pending ON public.hook_delivery USING btree (hook_id, due) WHERE (state = 'pending'::text);

--
-- Name: message_by_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_by_booking ON public.message USING btree (booking_id, created_at);

--
-- Name: message_by_creation; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_by_creation ON public.message USING btree (created_at, id);

--
-- Name: message_by_event; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_by_event ON public.message USING btree (event_id, created_at, id);

--
-- Name: outbox_dead; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_dead ON public.outbox USING btree (id) WHERE (state = 'dead'::text);

--
-- Name: outbox_done; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_done ON public.outbox USING btree (done_at) WHERE (state = 'done'::text);

--
-- Name: outbox_pending; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_pending ON public.outbox USING btree (kind, due) WHERE (state = 'pending'::text);

--
-- Name: payment_by_change; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payment_by_change ON public.payment USING btree (changed_at);

--
-- Name: payment_live_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX payment_live_once ON public.payment USING btree (booking_id) WHERE (state = ANY (ARRAY['authorised'::text, 'captured'::text]));

--
-- Name: payment_unanswered; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payment_unanswered ON public.payment USING btree (created_at) WHERE (state = ANY (ARRAY['started'::text, 'declined'::text]));

--
-- Name: refresh_family_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refresh_family_by_account ON public.refresh_family USING btree (account_id, rotated_at);

--
-- Name: refresh_family_by_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refresh_family_by_due ON public.refresh_family USING btree (due);

--
-- Name: refund_by_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refund_by_booking ON public.refund USING btree (booking_id);

--
-- Name: refund_by_event; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refund_by_event ON public.refund USING btree (event_id, created_at, id);

--
-- Name: refund_by_payment; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refund_by_payment ON public.refund USING btree (payment_id);

--
-- Name: sale_change_by_event; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sale_change_by_event ON public.sale_change USING btree (event_id, id);

--
-- Name: sandbox_charge_by_creation; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sandbox_charge_by_creation ON public.sandbox_charge USING btree (created_at);

--
-- Name: sandbox_refund_by_charge; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sandbox_refund_by_charge ON public.sandbox_refund USING btree (charge_id);

--
-- Name: sandbox_webhook_by_charge; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sandbox_webhook_by_charge ON public.sandbox_webhook USING btree (charge_id);

--
-- Name: sandbox_webhook_unsent; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sandbox_webhook_unsent ON public.sandbox_webhook USING btree (due) WHERE (sent_at IS NULL);

--
-- Name: scan_admits_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX scan_admits_once ON public.scan USING btree (booking_id, seat) WHERE (outcome = 'admitted'::text);

--
-- Name: scan_by_event; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX scan_by_event ON public.scan USING btree (event_id, scanned_at, id);

--
-- Name: scan_contested; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX scan_contested ON public.scan USING btree (event_id, scanned_at, id) WHERE (let_in AND (outcome <> 'admitted'::text));

--
-- Name: ticket_revoked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ticket_revoked ON public.ticket USING btree (event_id) WHERE ((state <> 'live'::text) OR (serial > 0));

--
-- Name: ticket_seat_sold_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ticket_seat_sold_once ON public.ticket USING btree (event_id, seat) WHERE (state = 'live'::text);

--
-- Name: ticket_used; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ticket_used ON public.ticket USING btree (event_id) WHERE (used_at IS NOT NULL);

--
-- Name: waitlist_by_event; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_by_event ON public.waitlist USING btree (event_id, created_at, id);

--
-- Name: waitlist_email_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX waitlist_email_once ON public.waitlist USING btree (event_id, lower(email)) WHERE (state = ANY (ARRAY['waiting'::text, 'offered'::text]));

--
-- Name: waitlist_fan_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX waitlist_fan_once ON public.waitlist USING btree (event_id, fan_id) WHERE (state = ANY (ARRAY['waiting'::text, 'offered'::text]));

--
-- Name: waitlist_in_turn; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_in_turn ON public.waitlist USING btree (event_id, turn) WHERE (state = 'waiting'::text);

--
-- Name: waitlist_offered; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_offered ON public.waitlist USING btree (event_id) WHERE (state = 'offered'::text);

--
-- Name: account_fan account_fan_account_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account_fan
    ADD CONSTRAINT account_fan_account_exists FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

--
-- Name: booking booking_event_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_event_exists FOREIGN KEY (event_id) REFERENCES public.event(id);

--
-- Name: category category_event_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.category
    ADD CONSTRAINT category_event_exists FOREIGN KEY (event_id) REFERENCES public.event(id);

--
-- Name: event event_hall_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_hall_exists FOREIGN KEY (hall_id) REFERENCES public.hall(id);

--
-- Name: event event_organiser_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_organiser_exists FOREIGN KEY (organiser_id) REFERENCES public.account(id);

--
-- Name: event event_plan_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_plan_exists FOREIGN KEY (plan_id) REFERENCES public.plan(id);

--
-- Name: event event_production_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_production_exists FOREIGN KEY (production_id) REFERENCES public.production(id);

--
-- Name: hall hall_venue_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hall
    ADD CONSTRAINT hall_venue_exists FOREIGN KEY (venue_id) REFERENCES public.venue(id);

--
-- Name: hook hook_account_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hook
    ADD CONSTRAINT hook_account_exists FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

--
-- Name: hook_delivery hook_delivery_hook_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hook_delivery
    ADD CONSTRAINT hook_delivery_hook_exists FOREIGN KEY (hook_id) REFERENCES public.hook(id) ON DELETE CASCADE;

--
-- Name: message message_booking_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_booking_exists FOREIGN KEY (booking_id) REFERENCES public.booking(id);

--
-- Name: payment payment_booking_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_booking_exists FOREIGN KEY (booking_id) REFERENCES public.booking(id);

--
-- Name: plan plan_hall_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.plan
    ADD CONSTRAINT plan_hall_exists FOREIGN KEY (hall_id) REFERENCES public.hall(id);

--
-- Name: refresh_family refresh_family_account_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refresh_family
    ADD CONSTRAINT refresh_family_account_exists FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

--
-- Name: refund refund_booking_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refund
    ADD CONSTRAINT refund_booking_exists FOREIGN KEY (booking_id) REFERENCES public.booking(id);

--
-- Name: refund refund_payment_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refund
    ADD CONSTRAINT refund_payment_exists FOREIGN KEY (payment_id) REFERENCES public.payment(id);

--
-- Name: reminder reminder_booking_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reminder
    ADD CONSTRAINT reminder_booking_exists FOREIGN KEY (booking_id) REFERENCES public.booking(id);

--
-- Name: sale_change sale_change_event_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sale_change
    ADD CONSTRAINT sale_change_event_exists FOREIGN KEY (event_id) REFERENCES public.event(id);

--
-- Name: sale sale_event_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sale
    ADD CONSTRAINT sale_event_exists FOREIGN KEY (event_id) REFERENCES public.event(id);

--
-- Name: sandbox_refund sandbox_refund_charge_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sandbox_refund
    ADD CONSTRAINT sandbox_refund_charge_exists FOREIGN KEY (charge_id) REFERENCES public.sandbox_charge(id);

--
-- Name: sandbox_webhook sandbox_webhook_charge_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sandbox_webhook
    ADD CONSTRAINT sandbox_webhook_charge_exists FOREIGN KEY (charge_id) REFERENCES public.sandbox_charge(id);

--
-- Name: scan scan_event_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scan
    ADD CONSTRAINT scan_event_exists FOREIGN KEY (event_id) REFERENCES public.event(id);

--
-- Name: seat seat_event_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.seat
    ADD CONSTRAINT seat_event_exists FOREIGN KEY (event_id) REFERENCES public.event(id);

--
-- Name: ticket ticket_booking_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT ticket_booking_exists FOREIGN KEY (booking_id) REFERENCES public.booking(id);

--
-- Name: ticket_transfer ticket_transfer_ticket_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ticket_transfer
    ADD CONSTRAINT ticket_transfer_ticket_exists FOREIGN KEY (booking_id, seat) REFERENCES public.ticket(booking_id, seat);

--
-- Name: waitlist waitlist_event_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist
    ADD CONSTRAINT waitlist_event_exists FOREIGN KEY (event_id) REFERENCES public.event(id);

--
-- PostgreSQL database dump complete
--
