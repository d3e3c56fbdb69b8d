//! Every method of the chat hub in one table: the wire reads it, and so does the reference in the README.

use crate::hubs::methods;

methods! {
    CREATE_ROOM = "CreateRoom", "{roomId?, kind: \"direct\"|\"group\"|\"public\", name?, members?: [userId]}", "room", "Creates a room; the caller owns it. The same id again from the same creator returns the room. A direct room has exactly one entry in `members`, no `roomId` and no `name`; either of the two may create it, again gives the same.";
    JOIN_ROOM = "JoinRoom", "roomId, afterSequence?", "room with present?: [userId], presentCount", "Subscribes: after the result come all events after `afterSequence` in order (all for 0; only new ones when left out), then live ones. Joining again moves the position.";
    JOIN_ROOMS = "JoinRooms", "[{roomId, afterSequence?}]", "[room with present?, presentCount]", "Subscribes to many rooms, to all or to none.";
    LEAVE_ROOM = "LeaveRoom", "roomId", "", "Ends the subscription; the membership stays.";
    QUIT_ROOM = "QuitRoom", "roomId", "{sequence}", "Ends the membership. An owner's role passes to the longest-standing moderator, else member.";
    SEND_MESSAGE = "SendMessage", "roomId, {id?, kind: \"text\"|\"image\"|\"audio\"|\"file\"|\"location\", text?, metadata?, replyTo?: sequence}", "{id, sequence, sentAt}", "Sends a message; the result comes when it is durable. A retry with the same `id` gives the first result.";
    EDIT_MESSAGE = "EditMessage", "roomId, sequence, text", "{sequence}", "Gives an own message a new text, within 15 minutes.";
    DELETE_MESSAGE = "DeleteMessage", "roomId, sequence", "{sequence}", "Deletes an own message, or as moderator any.";
    ADD_REACTION = "AddReaction", "roomId, sequence, emoji", "{sequence}", "Reacts to a message; again changes nothing.";
    REMOVE_REACTION = "RemoveReaction", "roomId, sequence, emoji", "{sequence}", "Takes a reaction back.";
    MARK_READ = "MarkRead", "roomId, upTo", "{roomId, upTo, number}", "Moves the caller's read cursor forward and answers where it stands; it never goes back.";
    TYPING = "Typing", "roomId, isTyping", "", "Tells the others that the caller types, or does no longer; ends by itself.";
    MEMBERS = "Members", "roomId, {after?: userId, limit?}?", "[{userId, role, joinedAt, online}]", "A page of members by user id; `online` says who is subscribed to the room, on any node.";
    INVITE = "Invite", "roomId, userId", "{sequence}", "Adds a member at once. In a public room anyone may add themselves.";
    REMOVE_MEMBER = "RemoveMember", "roomId, userId", "{sequence}", "Removes a member of a lower role; for moderators and the owner.";
    SET_ROLE = "SetRole", "roomId, userId, role: \"member\"|\"moderator\"|\"owner\"", "{sequence}", "Gives a member a role; for the owner. Giving `owner` hands the room over.";
    UPDATE_ROOM = "UpdateRoom", "roomId, {name}", "room", "Renames the room.";
    MY_ROOMS = "MyRooms", "{after?: roomId, limit?}?", "[{roomId, kind, name, head, messageCount, memberCount, myRole, createdBy, createdAt, peer?, joinedAt, readUpTo, unread, lastMessage?: message}]", "The caller's rooms by room id, at most `limit` (and `fanout.rooms_page`) of them, with unread counts and the last message; whoever sends a message has read up to it, so own ones do not count; asked again with the last `roomId` as `after`, the next ones, until none comes.";
    HISTORY = "History", "roomId, {before?|after?: sequence, limit?, minSequence?}?", "{messages: [message], next?, head}", "A page of messages, oldest first, each in its latest state; the newest ones without `before` and `after`. `next` continues in the same direction. `minSequence` waits until the room has reached it.";
}
