"""The query parameters that never name an article: exact lists, data and no logic.

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

TRACKER_PREFIX = "utm_"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TRACKERS: frozenset[str] = (
    # Click identifiers of advertisers: Google, Meta, Microsoft, X, TikTok, LinkedIn, Yandex, Pinterest, Reddit, Snap,
    # Taboola, Outbrain, Impact, Adobe, Branch, Adjust, Admitad, AD EBiS; X names the embedding page in ref_src.
    _words("""
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
    | _words("""
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
    | _words("""
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
    "at_link_origin at_bbc_team at_format at_ptr_name at_ptr_type ocid intlink_from_url link_location facebook_page"
)
_AT_INTERNET = _words("at_medium at_campaign at_custom1 at_custom2 at_custom3 at_custom4")
_CONDE = frozenset({"mbid"})
_INFORMA = frozenset({"_mc"})
_GOVEXEC = frozenset({"oref"})
_NIKKEI = frozenset({"n_cid", "i_cid", "n_tw"})
_X = frozenset({"s", "t", "refsrc", "ref_src", "ref_url", "cxt"})

HOST_TRACKERS: dict[str, frozenset[str]] = {
    "nytimes.com": _words("""
        partner emc smid smtyp referringsource rref unlocked_article_code sgrp impression_id
    """),
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
    "cnbc.com": frozenset({"__source", "par"}),
    "cnn.com": frozenset({"hpt", "iref"}),
    "foxnews.com": frozenset({"intcmp", "cmpid"}),
    "foxbusiness.com": frozenset({"intcmp", "cmpid"}),
    "bloomberg.com": frozenset({"srnd", "sref", "leadsource", "cmpid", "in_source"}),
    "reuters.com": frozenset({"feedtype", "feedname", "rpc", "virtualbrandchannel"}),
    "businesswire.com": frozenset({"feedref"}),
    "economist.com": frozenset({"fsrc"}),
    "ft.com": frozenset({"ftcamp", "sharetype", "segmentid"}),
    "msn.com": frozenset({"ocid", "cvid", "ei", "pc"}),
    "microsoft.com": frozenset({"ocid", "nclid"}),
    "forbes.com": frozenset({"sh"}),
    "time.com": frozenset({"iid"}),
    "theregister.com": frozenset({"td"}),
    "infoq.com": frozenset({"topicpagesponsorship"}),
    "adweek.com": frozenset({"traffic_source"}),
    "defenseone.com": _GOVEXEC,
    "govexec.com": _GOVEXEC,
    "nextgov.com": _GOVEXEC,
    "route-fifty.com": _GOVEXEC,
    "nikkei.com": _NIKKEI,
    "nikkeibp.co.jp": _NIKKEI,
    "asahi.com": frozenset({"iref"}),
    "nikkansports.com": frozenset({"nsgid"}),
    "bild.de": frozenset({"t_ref"}),
    "idnes.cz": frozenset({"zdroj"}),
    "index.hr": frozenset({"index_ref"}),
    "theepochtimes.com": frozenset({"ea_med", "ea_src"}),
    "boredpanda.com": frozenset({"cexp_id", "cexp_var"}),
    "substack.com": frozenset({"triedredirect"}),
    "wikipedia.org": frozenset({"wprov"}),
    "wired.com": _CONDE,
    "wired.co.uk": _CONDE,
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
    "instagram.com": frozenset({"ig_rid"}),
    "reddit.com": frozenset({"share_id", "ref_source", "ref_campaign", "correlation_id", "rdt"}),
    "youtube.com": _words("feature si pp ab_channel"),
}
"""Trackers that hold under one domain and its subdomains alone."""

AMBIGUOUS: frozenset[str] = _words("""
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
