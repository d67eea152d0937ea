use ioi_extract::{ExtractError, Limits, Media, extract};

fn text(page: &str) -> String {
    extract(b"page.html", page.as_bytes(), Limits::default()).unwrap().text.into_owned()
}

#[test]
fn a_page_becomes_markdown_like_text() {
    let page = "<!DOCTYPE html><html><head><title>Not shown: there is a heading</title>\
        <style>p { color: red }</style><script>if (a < b) document.write('<p>no</p>')</script></head><body>\
        <nav><ul><li>Home</li></ul></nav>\
        <h1>Sealed   regions<a class=\"headerlink\" href=\"#x\">¶</a></h1>\n\
        <p>A <em>region</em> is <code>sealed</code>\n   before it&nbsp;is shared &amp; read &lt;here&gt;.</p>\
        <h2>How<br>so</h2><ul><li>One</li><li><p>Two</p></li></ul>\
        <pre>\nlet a = 1;\n\n  # not a heading\n</pre>\
        <table><tr><th>Name</th><th>Size</th></tr><tr><td>a</td><td>1</td></tr></table>\
        <div>First</div><div>Second<br/>line</div><!-- a comment --></body></html>";
    let expected = "# Sealed regions\n\nA region is sealed before it\u{a0}is shared & read <here>.\n\n## How so\n\n\
        - One\n\n- Two\n\n```\nlet a = 1;\n\n  # not a heading\n```\n\nName | Size\na | 1\n\nFirst\nSecond\nline\n";
    assert_eq!(text(page), expected);
}

#[test]
fn definitions_stand_in_lines_of_their_own() {
    assert_eq!(
        text("<dl><dt>fsync</dt><dd><p>Writes.</p></dd><dt>b</dt><dd>c</dd></dl>"),
        "fsync\n\nWrites.\n\nb\nc\n"
    );
}

#[test]
fn a_page_without_headings_gets_its_title() {
    assert_eq!(text("<title> A &amp; B </title><p>c"), "# A & B\n\nc\n");
    assert_eq!(text("<p>c"), "c\n");
    assert_eq!(text(""), "");
}

#[test]
fn what_is_marked_as_navigation_is_left_out() {
    for aside in [
        "<div class='a sphinxsidebar b'><div>x</div>y</div>",
        "<div role=navigation>x<div>y</div></div>",
        "<p hidden>x</p>",
        "<span aria-hidden=\"true\">x</span>",
        "<svg><title>x</title><text>y</text></svg>",
        "<button>x</button>",
        "<noscript><p>x</p></noscript>",
        "<template><p>x</p></template>",
    ] {
        assert_eq!(text(&format!("<p>before</p>{aside}<p>after</p>")), "before\n\nafter\n", "{aside}");
    }
}

#[test]
fn an_aside_that_never_ends_loses_no_text() {
    assert_eq!(text("<p>a</p><nav><p>b</p><p>c"), "a\n\nb\n\nc\n");
    assert_eq!(text("<p>a</p><script>b<p>c"), "a\n");
}

#[test]
fn end_tags_that_end_nothing_are_harmless() {
    assert_eq!(text("</div></pre></h1>a</script></nav></p>b</li>"), "a\n\nb\n");
    assert_eq!(text("<h1>a<p>b</h1>c"), "# a\n\nb\n\nc\n");
    assert_eq!(text("<pre>a"), "```\na\n```\n");
    assert_eq!(text("<pre></pre>a"), "a\n");
}

#[test]
fn entities_beyond_unicode_become_replacement_characters() {
    assert_eq!(
        text("<p>&#0; &#xD800; &#x110000; &#99999999999; &copy &notit; &#x41;"),
        "\u{fffd} \u{fffd} \u{fffd} \u{fffd} © ¬it; A\n"
    );
}

#[test]
fn a_page_whose_text_is_too_long_is_refused_early() {
    let limits = Limits { text_bytes_max: 1000, ..Limits::default() };
    let page = "<td>x".repeat(50_000);
    let error = extract(b"a.html", page.as_bytes(), limits).unwrap_err();
    assert_eq!(error, ExtractError::Bomb { media: Media::Html, bytes_max: 1000 });
}
