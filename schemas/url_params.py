"""The query parameters that never name an article: exact lists, data and no logic.

A name stands here only where every site that uses it uses it for tracking. Short and common words (`ref`, `source`,
`mid`, `cid`, `t`, `partner`) do name articles somewhere, so they are listed under a host or not at all: a false merge
loses an article, a missed one is only untidy. Rejected: the public lists whole (ClearURLs, AdGuard, Brave), which strip
for privacy and may break a page's identity (`cid`, `s_cid`, `campaign`); prefixes other than `utm_`; patterns.
All names are lower case; a name in a URL is compared after lower-casing and decoding of unreserved escapes.
A change here changes keys: raise POLICY_VERSION in schemas/urls.py.
"""

TRACKER_PREFIX = "utm_"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TRACKERS: frozenset[str] = (
    # Click identifiers of advertisers: Google, Meta, Microsoft, X, TikTok, LinkedIn, Yandex, Pinterest, Reddit, Snap,
    # Taboola, Outbrain, Impact, Adobe, Branch; X names the embedding page in ref_src.
    _words("""
        gclid gclsrc gbraid wbraid dclid gad_source gad_campaignid srsltid _ga _gl
        fbclid fb_action_ids fb_action_types fb_source fb_ref ref_src
        igshid igsh msclkid twclid __twitter_impression ttclid li_fat_id
        yclid ysclid _openstat epik rdt_cid sccid tblci dicbo
        irclickid irgwc ef_id s_cid s_kwcid rb_clickid _branch_match_id
    """)
    # Mail and campaign systems: Mailchimp, HubSpot, Marketo, Olytics, Vero, Wicked Reports, Drip, MailerLite, Klaviyo,
    # Kit, Eloqua, Blueshift, Omeda, Veinteractive.
    | _words("""
        mc_cid mc_eid mc_tc _hsenc _hsmi __hstc __hssc __hsfp hsctatracking hss_channel
        hsa_acc hsa_cam hsa_grp hsa_ad hsa_src hsa_tgt hsa_kw hsa_mt hsa_net hsa_ver
        mkt_tok oly_anon_id oly_enc_id vero_id vero_conv wickedid __s ml_subscriber ml_subscriber_hash _kx
        ck_subscriber_id elqtrackid elqtrack elqaid elqat elqcampaignid
        bsft_aaid bsft_clkid bsft_eid bsft_ek bsft_mid bsft_tv bsft_uid bsft_utid vgo_ee
        oft_c oft_ck oft_d oft_id oft_ids oft_k oft_lk oft_sk
    """)
    # Audience measurement: Matomo and Piwik, AT Internet, Webtrends, comScore, Coremetrics, in-site campaign tags.
    | _words("""
        pk_campaign pk_kwd pk_keyword pk_source pk_medium pk_content pk_cid
        mtm_campaign mtm_kwd mtm_keyword mtm_source mtm_medium mtm_content mtm_cid mtm_group mtm_placement
        matomo_campaign matomo_kwd matomo_keyword matomo_source matomo_medium matomo_content matomo_cid matomo_group
        matomo_placement piwik_campaign piwik_kwd piwik_keyword
        xtor xtref wt.mc_id wt.mc_ev wt_mc wt_zmc ns_mchannel ns_source ns_campaign ns_linkname ns_fee cm_mmc
        itm_source itm_medium itm_campaign itm_content itm_term
    """)
    # Publishers' sharing tools: Yahoo's consent page and shares, True Anthem, SocialFlow.
    | _words("guccounter guce_referrer guce_referrer_sig soc_src soc_trk taid sr_share")
    # What Google's AMP viewer adds to a cached page.
    | _words("amp_js_v amp_gsa usqp")
)

SESSION_IDS: frozenset[str] = frozenset({"jsessionid", "phpsessid"})
"""Names that servlet containers and PHP give to their session parameter; `session` and `sid` are words."""

_OATH = frozenset({"ncid", ".tsrc", "tsrc", "soc_src", "soc_trk"})
_CBSI = frozenset({"ftag"})
_DOW_JONES = frozenset({"mod", "reflink"})
_BBC = _words(
    "at_medium at_campaign at_campaign_type at_custom1 at_custom2 at_custom3 at_custom4 at_link_id at_link_type "
    "at_link_origin at_bbc_team at_format at_ptr_name at_ptr_type ocid intlink_from_url link_location"
)
_AT_INTERNET = _words("at_medium at_campaign at_custom1 at_custom2 at_custom3 at_custom4")
_CONDE = frozenset({"mbid"})
_INFORMA = frozenset({"_mc"})
_X = frozenset({"s", "t", "ref_src", "ref_url", "cxt"})

HOST_TRACKERS: dict[str, frozenset[str]] = {
    "nytimes.com": _words("partner emc smid smtyp referringsource rref unlocked_article_code"),
    "dailymail.co.uk": frozenset({"ito"}),
    "thisismoney.co.uk": frozenset({"ito"}),
    "mailonsunday.co.uk": frozenset({"ito"}),
    "metro.co.uk": frozenset({"ito"}),
    "cbsnews.com": _CBSI | {"intcid"},
    "cbssports.com": _CBSI,
    "cnet.com": _CBSI,
    "gamespot.com": _CBSI,
    "techrepublic.com": _CBSI,
    "zdnet.com": _CBSI,
    "wsj.com": _DOW_JONES | {"st"},
    "marketwatch.com": _DOW_JONES,
    "barrons.com": _DOW_JONES | {"refsec"},
    "mansionglobal.com": _DOW_JONES,
    "fnlondon.com": _DOW_JONES,
    "aol.com": _OATH,
    "aol.co.uk": _OATH,
    "engadget.com": _OATH,
    "huffingtonpost.com": _OATH,
    "huffingtonpost.co.uk": _OATH,
    "huffpost.com": _OATH,
    "techcrunch.com": _OATH | {"tpcc"},
    "yahoo.com": _OATH,
    "theguardian.com": frozenset({"cmp", "intcmp"}),
    "guardian.co.uk": frozenset({"cmp", "intcmp"}),
    "bbc.com": _BBC,
    "bbc.co.uk": _BBC,
    "france24.com": _AT_INTERNET,
    "rfi.fr": _AT_INTERNET,
    "washingtonpost.com": frozenset({"wpisrc", "wpmm", "itid", "hpid"}),
    "cnbc.com": frozenset({"__source"}),
    "cnn.com": frozenset({"hpt", "iref"}),
    "foxnews.com": frozenset({"intcmp", "cmpid"}),
    "foxbusiness.com": frozenset({"intcmp", "cmpid"}),
    "bloomberg.com": frozenset({"srnd", "sref", "leadsource", "cmpid"}),
    "reuters.com": frozenset({"feedtype", "feedname", "rpc", "virtualbrandchannel"}),
    "businesswire.com": frozenset({"feedref"}),
    "economist.com": frozenset({"fsrc"}),
    "ft.com": frozenset({"ftcamp", "sharetype", "segmentid"}),
    "msn.com": frozenset({"ocid", "cvid"}),
    "microsoft.com": frozenset({"ocid"}),
    "wired.com": _CONDE,
    "newyorker.com": _CONDE,
    "vanityfair.com": _CONDE,
    "vogue.com": _CONDE,
    "darkreading.com": _INFORMA,
    "informationweek.com": _INFORMA,
    "medium.com": frozenset({"source"}),
    "linkedin.com": _words("trk trkinfo trackingid refid lipi licu"),
    "twitter.com": _X,
    "x.com": _X,
    "facebook.com": _words("__tn__ mibextid hc_ref fref"),
    "reddit.com": frozenset({"share_id", "ref_source", "ref_campaign"}),
    "youtube.com": _words("feature si pp ab_channel"),
}
"""Trackers that hold under one domain and its subdomains alone."""

AMBIGUOUS: frozenset[str] = _words("""
    admgarea cid cmp cmpid comments elq_cid elq_mid feed feedname feedref feedtype from icid intcid ito listname mid mod
    ncid nl ocid partner partnerref profile ref ref_url referrer refsec rss share smid source spm src tc trk via
""").union(*HOST_TRACKERS.values()) - {"s", "st", "t"}
"""Names that often track and sometimes identify. The looser reading of match_candidate drops them; the key never."""

AMP_NAMES: frozenset[str] = frozenset({"amp", "_amp", "amphtml", "isamp"})
"""Flags by which sites ask for the AMP form; only `amp=1` leaves the key."""

AMP_VALUE_NAMES: frozenset[str] = frozenset({"outputtype", "output", "context", "view", "format", "mode"})
"""Names whose value `amp` asks for the AMP form; only `outputType=amp` leaves the key."""

FALSE_VALUES: frozenset[str] = frozenset({"0", "false", "no", "off"})

LANGUAGE_NAMES: frozenset[str] = frozenset({"lang", "language", "hl", "locale"})
"""Names that choose a front page's language; elsewhere they choose another text."""
