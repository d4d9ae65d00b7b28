package compose

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// arabic is the grammar of modern standard Arabic, with the month names of
// Egypt and the Gulf, the digits 0-9, and the clock of 12 hours with the part
// of the day said in words. Amounts stand in the genitive, after "about".
type arabic struct{}

var arabicDays = [...]string{"الأحد", "الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"}

var arabicMonths = [...]string{
	"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو",
	"يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر",
}

func (arabic) day(t time.Time) string { return "يوم " + arabicDays[t.Weekday()] }

func (arabic) date(t time.Time, year bool) string {
	s := isolated(fmt.Sprint(t.Day())) + nbsp + arabicMonths[t.Month()-1]
	if year {
		s += " " + isolated(fmt.Sprint(t.Year()))
	}
	return s
}

func (a arabic) dated(t time.Time, year bool) string {
	return arabicDays[t.Weekday()] + " " + a.date(t, year)
}

func (arabic) part(t time.Time) string {
	day, p := partOf(t)
	return map[part]string{morning: "صباح", midday: "ظهر", afternoon: "عصر", evening: "مساء"}[p] + " " + arabicDays[day.Weekday()]
}

func (a arabic) until(t time.Time) string {
	day, _ := partOf(t)
	return a.part(t) + " " + a.date(day, false)
}

func (arabic) clock(t time.Time) string {
	name := "مساءً"
	switch h := t.Hour(); {
	case h == 0:
		name = "بعد منتصف الليل"
	case h < 3:
		name = "ليلًا"
	case h < 6:
		name = "فجرًا"
	case h < 12:
		name = "صباحًا"
	case h == 12:
		name = "ظهرًا"
	case h < 18:
		name = "بعد الظهر"
	}
	return isolated(t.Format("3:04")) + nbsp + name
}

// arabicCities are the names of cities that zones are called after. Others are
// shown as they are.
var arabicCities = map[string]string{
	"Aden": "عدن", "Algiers": "الجزائر", "Amman": "عمّان", "Amsterdam": "أمستردام", "Ankara": "أنقرة", "Athens": "أثينا",
	"Auckland": "أوكلاند", "Baghdad": "بغداد", "Bahrain": "البحرين", "Bangkok": "بانكوك", "Beirut": "بيروت", "Berlin": "برلين",
	"Brussels": "بروكسل", "Cairo": "القاهرة", "Casablanca": "الدار البيضاء", "Chicago": "شيكاغو", "Copenhagen": "كوبنهاغن",
	"Damascus": "دمشق", "Denver": "دنفر", "Detroit": "ديترويت", "Djibouti": "جيبوتي", "Dubai": "دبي", "Dublin": "دبلن",
	"Gaza": "غزة", "Hebron": "الخليل", "Helsinki": "هلسنكي", "Hong_Kong": "هونغ كونغ", "Istanbul": "إسطنبول", "Jakarta": "جاكرتا",
	"Jerusalem": "القدس", "Johannesburg": "جوهانسبرغ", "Karachi": "كراتشي", "Khartoum": "الخرطوم", "Kolkata": "كلكتا",
	"Kuala_Lumpur": "كوالالمبور", "Kuwait": "الكويت", "Lagos": "لاغوس", "Lisbon": "لشبونة", "London": "لندن",
	"Los_Angeles": "لوس أنجلوس", "Madrid": "مدريد", "Melbourne": "ملبورن", "Mexico_City": "مكسيكو", "Mogadishu": "مقديشو",
	"Moscow": "موسكو", "Muscat": "مسقط", "Nairobi": "نيروبي", "New_York": "نيويورك", "Nouakchott": "نواكشوط", "Oslo": "أوسلو",
	"Paris": "باريس", "Prague": "براغ", "Qatar": "قطر", "Riyadh": "الرياض", "Rome": "روما", "Sao_Paulo": "ساو باولو",
	"Seoul": "سيول", "Shanghai": "شنغهاي", "Singapore": "سنغافورة", "Stockholm": "ستوكهولم", "Sydney": "سيدني",
	"Tehran": "طهران", "Tokyo": "طوكيو", "Toronto": "تورونتو", "Tripoli": "طرابلس", "Tunis": "تونس", "Vienna": "فيينا",
	"Warsaw": "وارسو", "Zurich": "زيورخ",
}

func (arabic) zone(city, offset string) string {
	if city == "" {
		return "بتوقيت " + isolated(offset)
	}
	name, known := arabicCities[city]
	if !known {
		name = isolated(strings.ReplaceAll(city, "_", " "))
	}
	if offset != "" {
		name += " (" + isolated(offset) + ")"
	}
	return "بتوقيت " + name
}

// arabicUnits holds one, two, a few (3 to 10), and many of a thing.
var arabicUnits = map[unit][4]string{
	degree:  {"درجة واحدة", "درجتين", "درجات", "درجة"},
	percent: {"نقطة مئوية واحدة", "نقطتين مئويتين", "نقاط مئوية", "نقطة مئوية"},
	second:  {"ثانية واحدة", "ثانيتين", "ثوانٍ", "ثانية"},
	bar:     {"بار واحد", "بارين", "بار", "بار"},
	ppm:     {"جزء واحد في المليون", "جزأين في المليون", "أجزاء في المليون", "جزءًا في المليون"},
}

func (arabic) amount(v float64, text string) string {
	forms, known := arabicUnits[namedUnit(text)]
	if !known {
		s := symbol(text)
		if s == "" || s == "1" {
			return "" // a bare number says nothing
		}
		return isolated(figure(v) + nbsp + s)
	}
	return arabicCount(v, forms)
}

// arabicCount puts a thing into the form that its number asks for. A broken
// number takes that of many.
func arabicCount(v float64, forms [4]string) string {
	n := isolated(figure(v))
	if v != math.Trunc(v) {
		return n + nbsp + forms[3]
	}
	switch rest := math.Mod(v, 100); {
	case v == 1:
		return forms[0]
	case v == 2:
		return forms[1]
	case rest >= 3 && rest <= 10:
		return n + nbsp + forms[2]
	default:
		return n + nbsp + forms[3]
	}
}

func (arabic) duration(minutes int) string {
	if minutes < 60 {
		return "نحو " + arabicCount(float64(minutes), [4]string{"دقيقة", "دقيقتين", "دقائق", "دقيقة"})
	}
	s := "نحو " + arabicCount(float64(minutes/60), [4]string{"ساعة", "ساعتين", "ساعات", "ساعة"})
	if minutes%60 != 0 {
		s += " ونصف"
	}
	return s
}
