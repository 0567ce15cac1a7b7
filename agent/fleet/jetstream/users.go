package jetstream

import (
	"fmt"
	"strings"

	"tillwire/agent/fleet"
)

// Users is the list of who may come in at the servers, as their configuration
// includes it: the fleet's services and its terminals, each by the name in its
// certificate. A terminal writes below up/ and reads below down/ of its own name.
//
// The subjects with a dollar sign are the servers' own: where a subscription over
// MQTT is delivered, and how a service asks for the stream. stream may be empty.
func Users(services []string, stream string, terminals []fleet.TID) (string, error) {
	if stream == "" {
		stream = usualStream
	}
	if !streamName.MatchString(stream) {
		return "", errStream
	}
	var b strings.Builder
	b.WriteString("# Written by `tillfleet enrol nats`; write it again rather than changing it.\nauthorization {\n  users = [\n")
	for _, name := range services {
		if _, err := fleet.ParseTID(name); err != nil {
			return "", fmt.Errorf("a service's name at the broker: %w", err)
		}
		fmt.Fprintf(&b, "    { user: \"CN=%s\", permissions: { publish: %s, subscribe: %s } }\n", name,
			list("pos.v1.*.down.>", "$JS.API.STREAM.INFO."+stream, "$JS.API.STREAM.CREATE."+stream, "$JS.API.CONSUMER.*."+stream+".>", "$JS.API.CONSUMER.MSG.NEXT."+stream+".>", "$JS.ACK."+stream+".>"),
			list("pos.v1.*.up.>", "_INBOX.>", "$MQTT.sub.>"))
	}
	for _, tid := range terminals {
		own := "pos.v1." + string(tid)
		// Over MQTT a filter that ends in # asks for the level above, too.
		fmt.Fprintf(&b, "    { user: \"CN=%s\", allowed_connection_types: [\"MQTT\"], permissions: { publish: %s, subscribe: %s } }\n", tid,
			list(own+".up.>"), list(own+".down.>", own+".down", "$MQTT.sub.>"))
	}
	b.WriteString("  ]\n}\n")
	return b.String(), nil
}

func list(subjects ...string) string {
	return `["` + strings.Join(subjects, `", "`) + `"]`
}
