//! Direct and partner mode: who stands behind the caller.

use super::fields::Fields;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::Merchant;

const SUB_MCHID: &str = "sub_mchid";

impl Merchant {
    /// Takes `sub_mchid` from a body: needed in partner mode, and an unknown key in direct mode.
    pub(super) fn read_sub_mchid(
        &self,
        fields: &mut Fields<'_>,
    ) -> Result<Option<String>, Refusal> {
        if self.sub_merchants.is_empty() {
            return Ok(None);
        }
        let sub_mchid = fields.text(SUB_MCHID, 32)?;
        if !self.sub_merchants.contains_key(&sub_mchid) {
            return Err(Refusal::not_its_sub_merchant());
        }
        Ok(Some(sub_mchid))
    }

    /// Takes the caller's own id from a body, which the base payments want beside the header.
    pub(super) fn read_caller(
        &self,
        fields: &mut Fields<'_>,
        key: &'static str,
    ) -> Result<(), Refusal> {
        match fields.text(key, 32)? {
            mchid if mchid == self.mchid => Ok(()),
            _ => Err(fields.refuse(key, "is not the caller's")),
        }
    }

    /// Takes `sub_mchid` from a query, by the same rule.
    pub(super) fn take_sub_mchid(
        &self,
        parameters: &mut Parameters,
    ) -> Result<Option<String>, Refusal> {
        if self.sub_merchants.is_empty() {
            return Ok(None);
        }
        let sub_mchid = parameters.required(SUB_MCHID)?;
        if !self.sub_merchants.contains_key(&sub_mchid) {
            return Err(Refusal::not_its_sub_merchant());
        }
        Ok(Some(sub_mchid))
    }

    /// Refuses appids that are not bound to their merchant ids.
    pub(super) fn check_binding(
        &self,
        appid: &str,
        sub_mchid: Option<&str>,
        sub_appid: Option<&str>,
    ) -> Result<(), Refusal> {
        let sub_bound = match (sub_mchid, sub_appid) {
            (Some(sub_mchid), Some(sub_appid)) => self
                .sub_merchants
                .get(sub_mchid)
                .is_some_and(|appids| appids.contains(sub_appid)),
            _ => true,
        };
        if self.appids.contains(appid) && sub_bound {
            Ok(())
        } else {
            Err(Refusal::not_bound())
        }
    }
}
