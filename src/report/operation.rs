//! What is asked: of the Webex API, and of the gateway.

words! {
    /// What a call to the Webex API is for.
    Operation {
        /// A webhook is made.
        CreateWebhook = "create_webhook",
        /// A webhook is removed.
        DeleteWebhook = "delete_webhook",
        /// A direct room is hidden: nobody can leave one.
        Hide = "hide",
        /// The bot leaves a room.
        Leave = "leave",
        /// One person in one room.
        Member = "member",
        /// Who is in a room, page by page.
        Memberships = "memberships",
        /// The bot itself in one room.
        OwnMembership = "own_membership",
        /// The rooms that the bot is in, page by page.
        OwnMemberships = "own_memberships",
        /// Whose token it is.
        PeopleMe = "people_me",
        /// A room's title and kind.
        Rooms = "rooms",
        /// The gateway says something.
        Say = "say",
        /// A webhook is changed.
        UpdateWebhook = "update_webhook",
        /// The bot's webhooks, page by page.
        Webhooks = "webhooks",
    }
}

words! {
    /// Where the knowledge about a room came from.
    RosterSource {
        /// Another event had asked already, and its reading served.
        Coalesced = "coalesced",
        /// It could not be found out.
        Error = "error",
        /// It was known and young enough.
        Hit = "hit",
        /// It was read.
        Miss = "miss",
        /// It was known to be unclean, and Webex could not be asked again.
        StaleDeny = "stale_deny",
    }
}

words! {
    /// How the gateway was called. Nothing but `POST` belongs to a route.
    HttpMethod {
        /// Any other; strangers can make up as many as they like.
        Other = "_OTHER",
        /// `POST`.
        Post = "POST",
    }
}
