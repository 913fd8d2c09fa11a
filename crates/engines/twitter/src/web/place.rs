/// Where a timeline's page begins, how many of its pieces have been given before, and to which
/// account, where that matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) token: Option<String>,
    pub(super) skip: usize,
    pub(super) account: Option<usize>,
}

/// No page of X has as many pieces.
const MOST: usize = 1000;

impl Place {
    /// `TOKEN`, or `@SKIP@TOKEN`, or `@SKIP.ACCOUNT@TOKEN`: X's own cursors have no `@`.
    pub(super) fn read(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::default() };
        let (place, token) = Self::within(text).unwrap_or((Self::default(), text));
        Self { token: (!token.is_empty()).then(|| token.to_owned()), ..place }
    }

    fn within(text: &str) -> Option<(Self, &str)> {
        let (place, token) = text.strip_prefix('@')?.split_once('@')?;
        let (skip, account) = match place.split_once('.') {
            Some((skip, account)) => (skip, Some(account.parse().ok()?)),
            None => (place, None),
        };
        let skip = skip.parse().ok().filter(|skip| *skip <= MOST)?;
        Some((Self { token: None, skip, account }, token))
    }

    /// `None` at the beginning.
    pub(super) fn write(&self) -> Option<String> {
        let token = self.token.as_deref().unwrap_or_default();
        match (self.skip, self.account) {
            (0, None) => self.token.clone(),
            (0, Some(_)) if token.is_empty() => None,
            (skip, None) => Some(format!("@{skip}@{token}")),
            (skip, Some(account)) => Some(format!("@{skip}.{account}@{token}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_within_a_page_comes_back() {
        for (token, skip, account) in [
            (None, 0, None),
            (None, 3, None),
            (None, 3, Some(2)),
            (Some("DAAC=="), 0, None),
            (Some("DAAC=="), 0, Some(0)),
            (Some("1|2+3"), 7, Some(1)),
        ] {
            let place = Place { token: token.map(str::to_owned), skip, account };
            assert_eq!(Place::read(place.write().as_deref()), place);
        }
        for odd in ["@x@y", "@1.x@y", "@", "@1001@y"] {
            let read = Place::read(Some(odd));
            assert_eq!(read, Place { token: Some(odd.to_owned()), ..Place::default() });
        }
    }
}
