"""The query parameters: exact lists of those that never name an article, and how a query is read by them.

A name is listed only if every site that uses it uses it for tracking. Short and common words (`ref`, `source`, `mid`,
`cid`, `t`, `partner`) name articles somewhere, so they are listed under a host or not at all: a false merge loses an
article, a missed one is only untidy.

Compared on 2026-11-25 with the lists that browsers strip: Firefox (privacy.query_stripping.strip_list and
StripOnShare.json), Brave (components/query_filter) and AdGuard (TrackParamFilter, general_url.txt and specific.txt).
Taken are names with a vendor's prefix, and a news site's own names under its host. Left are words and short names
(`var`, `ymid`, `clickid`, `cuid`, `awc`, `maf`, `erid`), names of shops, and a site's `ref`, `from`, `source`, `c`,
`mid`. Taking the lists whole was rejected: they strip for privacy and may break a page's identity. So were prefixes
other than `utm_`, and patterns.

All names are lower case. A name in a URL is compared after lower-casing and decoding of unreserved escapes.
A change here changes keys: raise POLICY_VERSION in schemas/urls.py.
"""

from functools import lru_cache

from schemas.url_text import Note, noted, trim

TRACKER_PREFIX = "utm_"


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


TRACKERS: frozenset[str] = (
    # Click identifiers of advertisers: Google, Meta, Microsoft, X, TikTok, LinkedIn, Yandex, Pinterest, Reddit, Snap,
    # Taboola, Outbrain, Impact, Adobe, Branch, Adjust, Admitad, AD EBiS; X names the embedding page in ref_src.
    word_set("""
        gclid gclsrc gbraid wbraid dclid gad_source gad_campaignid srsltid _ga _gl
        fbclid fb_action_ids fb_action_types fb_comment_id fb_source fb_ref ref_src
        action_object_map action_ref_map action_type_map
        igshid igsh msclkid twclid __twitter_impression ttclid li_fat_id
        yclid ymclid ysclid syclid _openstat epik rdt_cid sccid tblci dicbo
        irclickid irgwc ir_adid ir_campaignid ir_partnerid ef_id s_cid s_kwcid rb_clickid unicorn_click_id
        _branch_match_id _branch_referrer
        adjust_adgroup adjust_campaign adjust_creative adjust_referrer adjust_tracker adjust_tracker_limit gps_adid
        admitad_uid ebisadid
    """)
    # Mail and campaign systems: Mailchimp, HubSpot, Marketo, Olytics, Vero, Wicked Reports, Drip, MailerLite, Klaviyo,
    # Kit, Eloqua, Blueshift, Omeda, Veinteractive, beehiiv, Salesforce, Emarsys, Mindbox, ClickDimensions, Segmentify.
    | word_set("""
        mc_cid mc_eid mc_tc _hsenc _hsmi __hstc __hssc __hsfp hsctatracking hss_channel
        hsa_acc hsa_cam hsa_grp hsa_ad hsa_la hsa_ol hsa_src hsa_tgt hsa_kw hsa_mt hsa_net hsa_ver
        mkt_tok oly_anon_id oly_enc_id vero_id vero_conv wickedid __s ml_subscriber ml_subscriber_hash _kx
        ck_subscriber_id elqtrackid elqtrack elqaid elqat elqcampaignid
        bsft_aaid bsft_clkid bsft_eid bsft_ek bsft_mid bsft_tv bsft_uid bsft_utid vgo_ee
        oft_c oft_ck oft_d oft_id oft_ids oft_k oft_lk oft_sk
        _bhlid bbeml et_rid ss_email_id sfmc_activityid sfmc_id sc_customer sc_eh sc_uid sms_click sms_source sms_uph
        mindbox-click-id mindbox-message-key _clde _cldee _sgm_action _sgm_campaign _sgm_source
    """)
    # Audience measurement: Matomo and Piwik, AT Internet, Webtrends, comScore, Coremetrics, Cxense, IO Technologies,
    # DPG Media, in-site campaign tags.
    | word_set("""
        pk_campaign pk_kwd pk_keyword pk_source pk_medium pk_content pk_cid pk_vid
        mtm_campaign mtm_kwd mtm_keyword mtm_source mtm_medium mtm_content mtm_cid mtm_group mtm_placement
        matomo_campaign matomo_kwd matomo_keyword matomo_source matomo_medium matomo_content matomo_cid matomo_group
        matomo_placement piwik_campaign piwik_kwd piwik_keyword
        xtor xtref wt.mc_id wt.mc_ev wt_mc wt_zmc ns_mchannel ns_source ns_campaign ns_linkname ns_fee cm_mmc
        at_recipient_id at_recipient_list cx_click cx_recsorder cx_recswidget __io_lv _io_session_id
        dpg_campaign dpg_content dpg_medium dpg_source
        itm_source itm_medium itm_campaign itm_content itm_term
    """)
    # Publishers' sharing tools: Yahoo's consent page and shares, True Anthem, SocialFlow.
    | word_set("guccounter guce_referrer guce_referrer_sig soc_src soc_trk taid sr_share")
    # What Google's AMP viewer adds to a cached page.
    | word_set("amp_js_v amp_gsa usqp")
)

SESSION_IDS: frozenset[str] = frozenset({"jsessionid", "phpsessid"})
"""Names that servlet containers and PHP give to their session parameter; `session` and `sid` are words."""

_BY_SITE = """
    nytimes.com: partner emc smid smtyp referringsource rref unlocked_article_code sgrp impression_id
    dailymail.co.uk thisismoney.co.uk mailonsunday.co.uk metro.co.uk: ito
    cbsnews.com cbssports.com cnet.com gamespot.com techrepublic.com zdnet.com: ftag
    cbsnews.com: intcid
    wsj.com marketwatch.com barrons.com mansionglobal.com fnlondon.com: mod reflink
    wsj.com: st
    barrons.com: refsec
    aol.com aol.co.uk engadget.com yahoo.com: ncid .tsrc tsrc soc_src soc_trk
    huffingtonpost.com huffingtonpost.co.uk huffpost.com techcrunch.com: ncid .tsrc tsrc soc_src soc_trk
    techcrunch.com: tpcc
    theguardian.com guardian.co.uk foxnews.com foxbusiness.com: intcmp
    theguardian.com guardian.co.uk: cmp
    bbc.com bbc.co.uk: at_campaign_type at_link_id at_link_type at_link_origin at_bbc_team at_format at_ptr_name
    bbc.com bbc.co.uk: at_ptr_type intlink_from_url link_location facebook_page
    bbc.com bbc.co.uk france24.com rfi.fr: at_medium at_campaign at_custom1 at_custom2 at_custom3 at_custom4
    bbc.com bbc.co.uk msn.com microsoft.com: ocid
    washingtonpost.com: wpisrc wpmm itid hpid
    cnbc.com: __source par
    cnn.com asahi.com: iref
    cnn.com: hpt
    foxnews.com foxbusiness.com bloomberg.com: cmpid
    bloomberg.com: srnd sref leadsource in_source
    reuters.com: feedtype feedname rpc virtualbrandchannel
    businesswire.com: feedref
    economist.com: fsrc
    ft.com: ftcamp sharetype segmentid
    msn.com: cvid ei pc
    microsoft.com: nclid
    forbes.com: sh
    time.com: iid
    theregister.com: td
    infoq.com: topicpagesponsorship
    adweek.com: traffic_source
    defenseone.com govexec.com nextgov.com route-fifty.com: oref
    nikkei.com nikkeibp.co.jp: n_cid i_cid n_tw
    nikkansports.com: nsgid
    bild.de: t_ref
    idnes.cz: zdroj
    index.hr: index_ref
    theepochtimes.com: ea_med ea_src
    boredpanda.com: cexp_id cexp_var
    substack.com: triedredirect
    wikipedia.org: wprov
    wired.com wired.co.uk newyorker.com vanityfair.com vogue.com: mbid
    darkreading.com informationweek.com: _mc
    medium.com: source
    linkedin.com: trk trkinfo trackingid refid lipi licu
    twitter.com x.com: s t refsrc ref_src ref_url cxt
    facebook.com: __tn__ mibextid hc_ref fref
    instagram.com: ig_rid
    reddit.com: share_id ref_source ref_campaign correlation_id rdt
    youtube.com: feature si pp ab_channel
"""


def _by_site() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in _BY_SITE.strip().splitlines():
        sites, _, names = line.partition(":")
        found.update({site: found.get(site, frozenset()) | word_set(names) for site in sites.split()})
    return found


HOST_TRACKERS: dict[str, frozenset[str]] = _by_site()
"""Trackers that hold under one domain and its subdomains alone."""

AMBIGUOUS: frozenset[str] = word_set("""
    admgarea cid cmp cmpid comments elq_cid elq_mid feed feedname feedref feedtype from icid intcid ito listname mid mod
    ncid nl ocid partner partnerref profile ref ref_url referrer refsec rss share smid source spm src tc trk via
""").union(*HOST_TRACKERS.values()) - {"ei", "iid", "par", "pc", "s", "sh", "st", "t", "td"}
"""Names that often track and sometimes identify. The looser reading of match_candidate drops them; the key never."""

AMP_NAMES: frozenset[str] = frozenset({"amp", "_amp", "amphtml", "isamp"})
"""Flags by which sites ask for the AMP form; only `amp=1` leaves the key."""

AMP_VALUE_NAMES: frozenset[str] = frozenset({"outputtype", "output", "context", "view", "format", "mode"})
"""Names whose value `amp` asks for the AMP form; only `outputType=amp` leaves the key."""

FALSE_VALUES: frozenset[str] = frozenset({"0", "false", "no", "off"})

LANGUAGE_NAMES: frozenset[str] = frozenset({"lang", "language", "hl", "locale"})
"""Names that choose a front page's language; elsewhere they choose another text."""


# The query is read as a form is (WHATWG, application/x-www-form-urlencoded): `+` is a space, and `a` is `a=`. What
# never names a page is dropped, by the lists above alone.


def param_name(param: str) -> str:
    """Return the name of a parameter, by which a key sorts; those of one name keep their order."""
    return param.partition("=")[0]


def params_of(query: str, site: str, note: Note | None) -> tuple[tuple[str, ...], bool]:
    """Return the parameters that name the page, in the order written, and whether an AMP flag was among the others.

    In: a canonical query that is not empty, and the host without `www.`, whose own trackers are dropped too.
    """
    pieces = _pieces(query, note)
    own = _host_trackers(site)
    params = tuple([piece for piece in pieces if piece and not _is_dropped(piece, own, note)])
    return params, any(map(_is_amp_flag, pieces))


def _pieces(query: str, note: Note | None) -> list[str]:
    query = noted(note, query, query.replace("+", "%20"), "read + in the query as a space")
    pieces = query.split("&")
    if "%" not in query and "=&" not in query and query[-1] != "=":
        return pieces
    return [_bare(piece, note) if piece[-1:] == "=" or piece[-3:-2] == "%" else piece for piece in pieces]


def _bare(piece: str, note: Note | None) -> str:
    """Return a parameter without an invisible end; an empty value is none, as `a` and `a=` are one to a form."""
    piece = trim(piece)
    if piece.find("=") != len(piece) - 1:
        return piece
    bare = trim(piece[:-1])
    if note and piece:
        note(f"read {piece} as {bare}")
    return bare


def _is_dropped(piece: str, own: frozenset[str], note: Note | None) -> bool:
    name = param_name(piece)
    low = name.lower()
    if low in TRACKERS or low.startswith(TRACKER_PREFIX):
        word = f"the tracking parameter {name}"
    elif low in own:
        word = f"the parameter {name}, which tracks on this site"
    elif low in SESSION_IDS:
        word = f"the session parameter {name}"
    elif _is_amp_flag(piece):
        word = f"the AMP flag {piece}"
    else:
        return False
    if note:
        note(f"dropped {word}")
    return True


def _is_amp_flag(piece: str) -> bool:
    return piece.lower() in ("amp=1", "outputtype=amp")


@lru_cache(maxsize=4096)
def _host_trackers(site: str) -> frozenset[str]:
    labels = site.rsplit(".", 3)[-3:]
    own = HOST_TRACKERS.get(".".join(labels))
    return own if own is not None else HOST_TRACKERS.get(".".join(labels[-2:]), frozenset())


def is_amp_param(param: str) -> bool:
    """Tell whether a parameter asks for the AMP form of a page."""
    name, _, value = param.lower().partition("=")
    return (name in AMP_NAMES and value not in FALSE_VALUES) or (name in AMP_VALUE_NAMES and value == "amp")


def is_ambiguous(param: str) -> bool:
    """Tell whether a parameter may name no page; the loose key is without it."""
    name, _, value = param.lower().partition("=")
    return name in AMBIGUOUS or (name in ("p", "page") and value == "1") or is_amp_param(param)


def is_idle(param: str) -> bool:
    """Tell whether a front page stays one with a parameter."""
    return param.lower().partition("=")[0] in LANGUAGE_NAMES or is_ambiguous(param)
