package lens

import "fmt"

// Error says what is wrong with a message. Its code is a stable name for programs.
type Error struct {
	Code string
	Text string
}

func (e *Error) Error() string { return e.Code + ": " + e.Text }

// The codes.
const (
	Invalid      = "lens.invalid"
	Length       = "lens.length"
	Segments     = "lens.segments"
	Short        = "lens.short"
	Unaligned    = "lens.unaligned"
	TensorLength = "tensor.length"
	TensorShape  = "tensor.shape"
)

func refuse(code, format string, arguments ...any) error {
	return &Error{Code: code, Text: fmt.Sprintf(format, arguments...)}
}
