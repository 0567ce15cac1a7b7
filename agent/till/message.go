package till

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"tillwire/agent"
)

// envelope is what goes over the line: a request, or the response to one.
type envelope struct {
	Request  *message `json:"SaleToPOIRequest,omitempty"`
	Response *message `json:"SaleToPOIResponse,omitempty"`
}

// header is the MessageHeader, the same in an answer but for its type.
type header struct {
	ProtocolVersion string
	MessageClass    string
	MessageCategory string
	MessageType     string
	ServiceID       string `json:",omitempty"` // 1 to 10 characters, the till's own
	DeviceID        string `json:",omitempty"`
	SaleID          string // the till
	POIID           string // this terminal's register
}

// message is a body of either direction. Members of nexo that change nothing here are
// left out; a till may send any of them.
type message struct {
	Header header `json:"MessageHeader"`

	Payment *paymentRequest `json:"PaymentRequest,omitempty"`
	Status  *statusRequest  `json:"TransactionStatusRequest,omitempty"`
	Abort   *abortRequest   `json:"AbortRequest,omitempty"`

	Diagnose  *diagnosisRequest  `json:"DiagnosisRequest,omitempty"`
	Diagnosed *diagnosisResponse `json:"DiagnosisResponse,omitempty"`

	Paid      *paymentResponse `json:"PaymentResponse,omitempty"`
	Stands    *statusResponse  `json:"TransactionStatusResponse,omitempty"`
	LoggedIn  *plainResponse   `json:"LoginResponse,omitempty"`
	LoggedOut *plainResponse   `json:"LogoutResponse,omitempty"`
	Reversed  *plainResponse   `json:"ReversalResponse,omitempty"`
	Event     *notification    `json:"EventNotification,omitempty"`

	Blob    string   `json:"NexoBlob,omitempty"`
	Trailer *trailer `json:"SecurityTrailer,omitempty"`
}

// transaction is how either side calls a sale.
type transaction struct {
	TransactionID string
	TimeStamp     string
}

type paymentRequest struct {
	SaleData struct {
		SaleTransactionID transaction
	}
	PaymentTransaction struct {
		AmountsReq struct {
			Currency        agent.Currency
			RequestedAmount json.Number
		}
		TransactionConditions struct {
			AllowedPaymentBrand []string
			ForceEntryMode      []string
			ForceOnlineFlag     bool // nothing is accepted without the wallet's word
		}
	}
	PaymentData struct {
		PaymentType string
	}
}

// statusRequest asks what became of a message; abortRequest asks to end one.
type statusRequest struct {
	MessageReference *reference
}

type abortRequest struct {
	MessageReference reference
}

// reference names an earlier message of the till.
type reference struct {
	MessageCategory string `json:",omitempty"`
	SaleID          string `json:",omitempty"`
	ServiceID       string
}

// response is how a request ended.
type response struct {
	Result             string // Success or Failure
	ErrorCondition     string `json:",omitempty"`
	AdditionalResponse string `json:",omitempty"` // k=v&k=v, URL-encoded
}

type plainResponse struct {
	Response response
}

type paymentResponse struct {
	Response response
	SaleData struct {
		SaleTransactionID transaction
	}
	POIData struct {
		POITransactionID transaction
	}
	PaymentResult *paymentResult `json:",omitempty"`
}

type paymentResult struct {
	PaymentType string
	OnlineFlag  bool // false: accepted without the wallet's word
	AmountsResp struct {
		Currency         agent.Currency
		AuthorizedAmount json.Number
	}
	PaymentInstrumentData struct {
		PaymentInstrumentType string
		CardData              struct {
			EntryMode    []string
			PaymentBrand string
		}
	}
	PaymentAcquirerData struct {
		AcquirerTransactionID transaction
	}
}

type statusResponse struct {
	Response         response
	MessageReference *reference       `json:",omitempty"`
	Repeated         *repeatedMessage `json:"RepeatedMessageResponse,omitempty"`
}

type repeatedMessage struct {
	MessageHeader header
	Body          struct {
		PaymentResponse paymentResponse
	} `json:"RepeatedResponseMessageBody"`
}

// diagnosisRequest asks how the terminal is, and the wallets' clouds on demand.
type diagnosisRequest struct {
	HostDiagnosisFlag bool
}

type diagnosisResponse struct {
	Response   response
	POIStatus  *poiStatus   `json:",omitempty"`
	HostStatus []hostStatus `json:",omitempty"`
}

type poiStatus struct {
	GlobalStatus        string // OK, Busy, Maintenance or Unreachable
	CommunicationOKFlag bool
	PrinterStatus       string `json:",omitempty"` // OK, PaperLow, NoPaper, PaperJam or OutOfOrder; without a printer nothing
	CardReaderOKFlag    *bool  `json:",omitempty"` // of the scanner; without one nothing
}

// hostStatus is whether a wallet's cloud can be reached.
type hostStatus struct {
	AcquirerID      string
	IsReachableFlag bool
}

// notification tells a till that its message was not understood.
type notification struct {
	TimeStamp     string
	EventToNotify string
	EventDetails  string
}

// answerTo is the header of an answer.
func answerTo(h header) header {
	h.MessageType = "Response"
	return h
}

// amount reads a decimal number of major units. More decimals than the currency has, an
// exponent or a sign are no amount.
func amount(n json.Number, c agent.Currency) (agent.Money, error) {
	if !c.Known() {
		return agent.Money{}, fmt.Errorf("%q is no currency of ISO 4217", string(c))
	}
	whole, part, _ := strings.Cut(n.String(), ".")
	if len(part) > c.Exponent() {
		return agent.Money{}, fmt.Errorf("%s has more decimals than %s", n, c)
	}
	digits := whole + part + strings.Repeat("0", c.Exponent()-len(part))
	for _, r := range digits {
		if r < '0' || r > '9' {
			return agent.Money{}, fmt.Errorf("%q is no amount", n.String())
		}
	}
	value, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return agent.Money{}, fmt.Errorf("%q is no amount", n.String())
	}
	m := agent.Money{Value: value, Currency: c}
	return m, m.Check()
}
