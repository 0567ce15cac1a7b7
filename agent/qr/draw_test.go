package qr

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

const drawn = "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"

func mustEncode(t *testing.T, payload string, level Level) Matrix {
	t.Helper()
	m, err := Encode(payload, level)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheSVGPathDrawsExactlyTheDarkModules(t *testing.T) {
	m := mustEncode(t, drawn, Q)
	svg := m.SVG("Pay here")
	paths := regexp.MustCompile(`<path fill="#000" d="([^"]*)"/>`).FindAllStringSubmatch(svg, -1)
	if len(paths) != 1 || strings.Count(svg, "<path") != 1 {
		t.Fatalf("want one path in %s", svg)
	}
	dark := map[[2]int]bool{}
	run := regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)
	if rest := run.ReplaceAllString(paths[0][1], ""); rest != "" {
		t.Fatalf("path has more than runs: %q", rest)
	}
	for _, r := range run.FindAllString(paths[0][1], -1) {
		var x, y, width, back int
		if _, err := fmt.Sscanf(r, "M%d %dh%dv1h-%dz", &x, &y, &width, &back); err != nil || width != back {
			t.Fatalf("run %q is not a closed rectangle (%v)", r, err)
		}
		for i := range width {
			dark[[2]int{x + i, y}] = true
		}
	}
	for y := range m.Size() {
		for x := range m.Size() {
			if m.At(x, y) != dark[[2]int{x, y}] {
				t.Fatalf("module %d,%d drawn %t", x, y, dark[[2]int{x, y}])
			}
		}
	}
	const scale = 4
	got, _ := decode(t, m.Size()*scale, func(x, y int) bool { return dark[[2]int{x / scale, y / scale}] })
	if got != drawn {
		t.Errorf("the drawing reads %q", got)
	}
}

func TestTheSVGScalesHasAWhiteCardAndATitle(t *testing.T) {
	m := mustEncode(t, drawn, Q)
	size := fmt.Sprint(m.Size())
	svg := m.SVG(`Pay <5> & "go"` + "\x00\xff")
	for _, want := range []string{
		`viewBox="0 0 ` + size + ` ` + size + `"`, `shape-rendering="crispEdges"`, `role="img"`,
		`<rect width="` + size + `" height="` + size + `" fill="#fff"/>`,
		`<title>Pay &lt;5&gt; &amp; &#34;go&#34;</title>`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is missing in %.300s", want, svg)
		}
	}
	if root := svg[:strings.Index(svg, ">")]; strings.Contains(root, " width=") || strings.Contains(svg, "style") {
		t.Errorf("the image fixes its size or needs an inline style: %s", root)
	}
	if strings.Index(svg, "<rect") > strings.Index(svg, "<path") {
		t.Error("the card covers the code")
	}
	for _, title := range []string{"", "Pay", `"><script>`, "支付"} {
		var any struct{ XMLName xml.Name }
		if err := xml.Unmarshal([]byte(m.SVG(title)), &any); err != nil || any.XMLName.Local != "svg" {
			t.Errorf("title %q: not well-formed: %v", title, err)
		}
	}
	if plain := m.SVG(""); strings.Contains(plain, "<title>") || !strings.Contains(plain, `aria-hidden="true"`) {
		t.Errorf("an untitled image is announced: %.200s", plain)
	}
}
