//! What the actors find, in the form that clients have (reference 3.3). The actor of
//! `searchbyquery` gives TikTok's own names, misspelt ones included.

use sealwork_upstream::{Number, Text, shape};
use serde_json::Value;

shape! {
    /// An item of `searchbytrending`.
    TrendingVideo identified by id, item_id, item_url {
        country_code: Text,
        cover: Text,
        duration: Number,
        id: Text,
        item_id: Text,
        item_url: Text,
        region: Text,
        title: Text,
    }
}

shape! {
    /// An item of `searchbyquery`.
    Video identified by id, url {
        url: Text,
        id: Text,
        desc: Text,
        createTime: Text,
        scheduleTime: Number,
        video: Media,
        author: Text,
        music: Music,
        challenges: Vec<Value>,
        stats: Stats,
        isActivityItem: bool,
        duetInfo: DuetInfo,
        warnInfo: Vec<Value>,
        originalItem: bool,
        officalItem: bool,
        textExtra: Vec<TextExtra>,
        secret: bool,
        forFriend: bool,
        digged: bool,
        itemCommentStatus: Number,
        showNotPass: bool,
        vl1: bool,
        takeDown: Number,
        itemMute: bool,
        effectStickers: Vec<Value>,
        authorStats: AuthorStats,
        privateItem: bool,
        duetEnabled: bool,
        stitchEnabled: bool,
        stickersOnItem: Vec<Value>,
        isAd: bool,
        shareEnabled: bool,
        comments: Vec<Value>,
        duetDisplay: Number,
        stitchDisplay: Number,
        indexEnabled: bool,
        diversificationLabels: Vec<Text>,
        adAuthorization: bool,
        adLabelVersion: Number,
        locationCreated: Text,
        nickname: Text,
        authorId: Text,
        authorSecId: Text,
        avatarThumb: Text,
        downloadSetting: Number,
        authorPrivate: bool,
    }
}

shape! {
    /// The moving picture.
    Media {
        id: Text,
        height: Number,
        width: Number,
        duration: Number,
        ratio: Text,
        cover: Text,
        origin_cover: Text,
        dynamic_cover: Text,
        play_addr: Text,
        download_addr: Text,
        share_cover: Vec<Text>,
        reflowCover: Text,
        bitrate: Number,
        encodedType: Text,
        format: Text,
        videoQuality: Text,
        encodeUserTag: Text,
        codecType: Text,
        definition: Text,
        subtitleInfos: Vec<Value>,
        zoomCover: ZoomCover,
        volumeInfo: VolumeInfo,
        bitrateInfo: Vec<BitrateInfo>,
    }
}

shape! {
    /// The cover in four widths.
    ZoomCover {
        #[serde(rename = "240")]
        w240: Text,
        #[serde(rename = "480")]
        w480: Text,
        #[serde(rename = "720")]
        w720: Text,
        #[serde(rename = "960")]
        w960: Text,
    }
}

shape! {
    /// How loud it is.
    VolumeInfo {
        Loudness: f64,
        Peak: f64,
    }
}

shape! {
    /// One encoding.
    BitrateInfo {
        GearName: Text,
        #[serde(alias = "Bitrate")]
        bitrate: Number,
        QualityType: Number,
        PlayAddr: PlayAddr,
        CodecType: Text,
    }
}

shape! {
    /// Where an encoding is.
    PlayAddr {
        Uri: Text,
        UrlList: Vec<Text>,
        DataSize: Number,
        UrlKey: Text,
        FileHash: Text,
        FileCs: Text,
    }
}

shape! {
    /// The sound.
    Music {
        id: Text,
        title: Text,
        playUrl: Text,
        coverLarge: Text,
        coverMedium: Text,
        coverThumb: Text,
        authorName: Text,
        original: bool,
        duration: Number,
        album: Text,
        scheduleSearchTime: Number,
    }
}

shape! {
    /// What viewers did.
    Stats {
        diggCount: Number,
        shareCount: Number,
        commentCount: Number,
        playCount: Number,
    }
}

shape! {
    /// What it answers to.
    DuetInfo {
        duetFromId: Text,
    }
}

shape! {
    /// A hashtag or a mention within the description.
    TextExtra {
        awemeId: Text,
        start: Number,
        end: Number,
        hashtagId: Text,
        hashtagName: Text,
        r#type: Number,
        subType: Number,
        userId: Text,
        isCommerce: bool,
        userUniqueId: Text,
        secUid: Text,
    }
}

shape! {
    /// What the author has and did.
    AuthorStats {
        followerCount: Number,
        followingCount: Number,
        heart: Number,
        heartCount: Number,
        videoCount: Number,
        diggCount: Number,
    }
}
