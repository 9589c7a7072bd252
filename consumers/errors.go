package consumers

import (
	"fmt"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams"
)

// JetStream's errors of consumers.
var (
	errNameInUse       = &streams.APIError{Code: 400, ErrCode: 10013, Description: "consumer name already in use"}
	errExists          = &streams.APIError{Code: 400, ErrCode: 10148, Description: "consumer already exists"}
	errDoesNotExist    = &streams.APIError{Code: 400, ErrCode: 10149, Description: "consumer does not exist"}
	errFilterMismatch  = &streams.APIError{Code: 400, ErrCode: 10131, Description: "Consumer create request did not match filtered subject from create subject"}
	errManyFilters     = &streams.APIError{Code: 400, ErrCode: 10137, Description: "consumer with multiple subject filters cannot use subject based API"}
	errBothFilters     = &streams.APIError{Code: 400, ErrCode: 10136, Description: "consumer cannot have both FilterSubject and FilterSubjects specified"}
	errEmptyFilter     = &streams.APIError{Code: 400, ErrCode: 10139, Description: "consumer filter in FilterSubjects cannot be empty"}
	errOverlap         = &streams.APIError{Code: 400, ErrCode: 10138, Description: "consumer subject filters cannot overlap"}
	errWildcards       = &streams.APIError{Code: 400, ErrCode: 10079, Description: "consumer deliver subject has wildcards"}
	errDeliverSubject  = &streams.APIError{Code: 400, ErrCode: 10112, Description: "invalid push consumer deliver subject"}
	errCycle           = &streams.APIError{Code: 400, ErrCode: 10081, Description: "consumer deliver subject forms a cycle"}
	errPushMaxWaiting  = &streams.APIError{Code: 400, ErrCode: 10080, Description: "consumer in push mode can not set max waiting"}
	errMaxAckPending   = &streams.APIError{Code: 400, ErrCode: 10082, Description: "consumer requires ack policy for max ack pending"}
	errSmallHeartbeat  = &streams.APIError{Code: 400, ErrCode: 10083, Description: "consumer idle heartbeat needs to be >= 100ms"}
	errHeartbeatPull   = &streams.APIError{Code: 400, ErrCode: 10088, Description: "consumer idle heartbeat requires a push based consumer"}
	errFlowControlPull = &streams.APIError{Code: 400, ErrCode: 10089, Description: "consumer flow control requires a push based consumer"}
	errNeedsHeartbeat  = &streams.APIError{Code: 400, ErrCode: 10108, Description: "consumer with flow control also needs heartbeats"}
	errPathSeparators  = &streams.APIError{Code: 400, ErrCode: 10127, Description: "Consumer name can not contain path separators"}
	errNameTooLong     = &streams.APIError{Code: 400, ErrCode: 10102, Description: fmt.Sprintf("consumer name is too long, maximum allowed is %d", maxNameBytes)}
	errTooMany         = &streams.APIError{Code: 400, ErrCode: 10026, Description: "maximum consumers limit reached"}
	errName            = invalidConfig(`consumer name can not contain '.', '*', '>', '\', '/'`)
	errFilter          = invalidConfig("invalid subject")
)

func invalidConfig(text string) *streams.APIError {
	return &streams.APIError{Code: 500, ErrCode: 10052, Description: text}
}

func invalidPolicy(text string) *streams.APIError {
	return &streams.APIError{Code: 400, ErrCode: 10094, Description: text}
}

// notOffered refuses what needs more than a consumer here has.
func notOffered(what string) *streams.APIError {
	return &streams.APIError{Code: 400, ErrCode: 10012, Description: "synod consumers do not offer " + what}
}

// noPath refuses a consumer that could deliver nothing.
func noPath(err error) *bus.Error {
	return bus.NewError(bus.CodeNoPush, "nothing can be delivered from this learner: %v", err)
}
