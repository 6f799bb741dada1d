//! Where it is told: `parkgate/v1/{site}/{box}/…`.

/// The topics of one box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    site: String,
    box_id: String,
}

impl Topics {
    /// Site and box are identifiers of the configuration, and so need no escaping.
    pub fn new(site: &str, box_id: &str) -> Self {
        Self {
            site: site.to_owned(),
            box_id: box_id.to_owned(),
        }
    }

    /// How the box is; retained, and its last will.
    pub fn state(&self) -> String {
        format!("{}/state", self.root())
    }

    /// One alarm; retained while it stands.
    pub fn alarm(&self, id: &str) -> String {
        format!("{}/alarm/{id}", self.root())
    }

    /// Every alarm of the box.
    pub fn alarms(&self) -> String {
        self.alarm("#")
    }

    /// The alarm that a topic is about.
    pub fn alarm_of<'t>(&self, topic: &'t str) -> Option<&'t str> {
        topic.strip_prefix(&self.root())?.strip_prefix("/alarm/")
    }

    /// What a driver can scan at a lane; retained while there is something.
    pub fn code(&self, lane: &str) -> String {
        format!("{}/lane/{lane}/code", self.root())
    }

    /// Every notice that a relay puts there for this box.
    pub fn notices(&self) -> String {
        format!("{}/notice/+", self.root())
    }

    /// What the notice is about that was put to this topic.
    pub fn notice_of<'t>(&self, topic: &'t str) -> Option<&'t str> {
        topic.strip_prefix(&self.root())?.strip_prefix("/notice/")
    }

    /// Where a relay hears what to answer WeChat.
    pub fn notice_answer(&self) -> String {
        format!("{}/notice-answer", self.root())
    }

    /// Who speaks, in CloudEvents' word.
    pub fn source(&self) -> String {
        format!("/parkgate/{}/{}", self.site, self.box_id)
    }

    fn root(&self) -> String {
        format!("parkgate/v1/{}/{}", self.site, self.box_id)
    }
}
