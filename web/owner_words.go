package web

import (
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/chart"
)

// ownerText is every word of the owner's page in one language. Head has one
// %s, the device in the owner's words.
type ownerText struct {
	Hello, Device, Remedy, Reading         string
	Head, Said                             map[string]string
	ThatIsAll                              string // what happens, when nothing has to be done
	Choose, Change, None, Current, At      string
	Book, Cancel, Calendar, Booked         string
	RemoteWork, VisitWork, Minutes, ZoneIs string
	Picture, PictureNote                   string
	Feel, FeelAsk, FeelSend, Felt          string
	Messages, MessagesNote, Stop, Resume   string
	StopAll, Push, PushOn, PushOff         string
	Unsubscribe, UnsubscribeAsk            string
	Channels                               map[string]string
	Chart                                  chart.Words
	Troubles                               map[devices.Code]string
	TroubleHead                            string
}

func (t ownerText) trouble(code devices.Code) string {
	if s, ok := t.Troubles[code]; ok {
		return s
	}
	return t.Troubles[devices.Internal]
}

// ownerWords returns the words in lang, or in English.
func ownerWords(lang string) ownerText {
	if lang == "ar" {
		return arabicOwner()
	}
	return englishOwner()
}

func englishOwner() ownerText {
	return ownerText{
		Hello: "Hello %s,", Device: "your device", Remedy: "a short check-up", Reading: "reading",
		Head: map[string]string{
			"offer":    "Your %s works well. We would like to keep it that way.",
			"booked":   "All set for your %s.",
			"working":  "We are working on your %s right now.",
			"checking": "Done. We are making sure your %s is well.",
			"well":     "Your %s is well again.",
			"over":     "Your %s is fine. There is nothing to do.",
			"again":    "Your %s needs another look. Sorry about that.",
		},
		Said: map[string]string{
			"booked":   "Thank you, that time is yours.",
			"taken":    "Somebody was a moment faster. These times are still free:",
			"canceled": "Your time is given back. Choose another whenever you like.",
			"heard":    "Thank you for telling us. We will treat this as urgent.",
			"stopped":  "We will not write to you there any more.",
			"resumed":  "Good to be in touch again.",
		},
		ThatIsAll: "You do not have to do anything.",
		Choose:    "When would it suit you?", Change: "Would another time suit you better?", Current: "your time", At: "from %s to %s",
		None: "No time is free in the next days. We will write to you as soon as there is one; you can also tell us below that it is urgent.",
		Book: "Book", Cancel: "Give this time back", Calendar: "Add to calendar", Booked: "Your time",
		RemoteWork: "We do this from afar: nobody has to come, and you need not be there.",
		VisitWork:  "A technician comes to you.",
		Minutes:    "It takes about %d minutes.", ZoneIs: "Times are local to the device (%s).",
		Picture: "What we saw", PictureNote: "The line is your device. The band is where the same devices elsewhere are.",
		Feel: "It is already bothering me", FeelAsk: "What do you notice? (You may leave this empty.)", FeelSend: "Tell us", Felt: "You told us that you notice it. It is being treated as urgent.",
		Messages: "Messages from us", MessagesNote: "You decide where we may write to you about your devices.",
		Stop: "Stop", Resume: "Allow again", StopAll: "Stop all messages",
		Push: "Tell me in this browser", PushOn: "This browser will tell you.", PushOff: "This browser does not allow it.",
		Unsubscribe: "Stop all messages?", UnsubscribeAsk: "We will not write to you about your devices any more. You can allow it again on your device's page.",
		Channels: map[string]string{"email": "E-mail", "webpush": "This browser", "webhook": "Your own system"},
		Chart:    chart.English(),
		Troubles: map[devices.Code]string{
			devices.Unauthorized: "This link is not whole, or it has expired. Please open the newest message from us.",
			devices.Forbidden:    "This link is not for this page, or it has expired. Please open the newest message from us.",
			devices.NotFound:     "What this link was about is no longer here.",
			devices.Conflict:     "That is not possible any more. Please open your link again to see how things stand.",
			devices.Invalid:      "That did not work. Please go back and try again.",
			devices.Unavailable:  "We cannot answer just now. Please try again in a minute; nothing is lost.",
			devices.Internal:     "Something went wrong on our side. Please try again in a minute.",
		},
		TroubleHead: "That did not work",
	}
}

func arabicOwner() ownerText {
	return ownerText{
		Hello: "مرحبًا %s،", Device: "جهازك", Remedy: "فحص قصير", Reading: "القراءة",
		Head: map[string]string{
			"offer":    "كل شيء على ما يرام مع %s، ونودّ أن يبقى كذلك.",
			"booked":   "تم تحديد الموعد: %s.",
			"working":  "نعمل الآن على: %s.",
			"checking": "انتهى العمل. نتأكد الآن من سلامة: %s.",
			"well":     "عاد كل شيء على ما يرام مع %s.",
			"over":     "كل شيء على ما يرام مع %s، ولا حاجة إلى أي إجراء.",
			"again":    "نحتاج إلى نظرة أخرى على: %s. نعتذر عن ذلك.",
		},
		Said: map[string]string{
			"booked":   "شكرًا لك، هذا الموعد محجوز لك.",
			"taken":    "سبقك شخص آخر بلحظة. هذه المواعيد ما زالت متاحة:",
			"canceled": "أُلغي موعدك. اختر موعدًا آخر متى شئت.",
			"heard":    "شكرًا لإخبارنا. سنتعامل مع الأمر على أنه عاجل.",
			"stopped":  "لن نراسلك هناك بعد الآن.",
			"resumed":  "يسعدنا التواصل معك من جديد.",
		},
		ThatIsAll: "لا يلزمك القيام بأي شيء.",
		Choose:    "متى يناسبك الموعد؟", Change: "هل يناسبك موعد آخر أكثر؟", Current: "موعدك", At: "من %s إلى %s",
		None: "لا يوجد موعد متاح في الأيام القادمة. سنراسلك فور توفر موعد، ويمكنك أيضًا إخبارنا أدناه بأن الأمر عاجل.",
		Book: "احجز", Cancel: "إلغاء هذا الموعد", Calendar: "أضف إلى التقويم", Booked: "موعدك",
		RemoteWork: "نقوم بذلك عن بُعد: لن يأتي أحد ولا يلزم وجودك.",
		VisitWork:  "سيزورك أحد الفنيين.",
		Minutes:    "يستغرق ذلك نحو %d دقيقة.", ZoneIs: "الأوقات بالتوقيت المحلي للجهاز (%s).",
		Picture: "ما الذي لاحظناه", PictureNote: "الخط هو جهازك، والشريط هو نطاق الأجهزة المماثلة في أماكن أخرى.",
		Feel: "الأمر يزعجني بالفعل", FeelAsk: "ماذا تلاحظ؟ (يمكنك ترك هذا الحقل فارغًا.)", FeelSend: "أخبرنا", Felt: "أخبرتنا أنك تلاحظ ذلك، ونتعامل معه على أنه عاجل.",
		Messages: "رسائلنا إليك", MessagesNote: "أنت من يقرر أين نراسلك بشأن أجهزتك.",
		Stop: "إيقاف", Resume: "السماح من جديد", StopAll: "إيقاف جميع الرسائل",
		Push: "أخبرني في هذا المتصفح", PushOn: "سيخبرك هذا المتصفح.", PushOff: "هذا المتصفح لا يسمح بذلك.",
		Unsubscribe: "إيقاف جميع الرسائل؟", UnsubscribeAsk: "لن نراسلك بشأن أجهزتك بعد الآن. يمكنك السماح بذلك من جديد في صفحة جهازك.",
		Channels: map[string]string{"email": "البريد الإلكتروني", "webpush": "هذا المتصفح", "webhook": "نظامك الخاص"},
		Chart: chart.Words{
			Noticeable: "يُلاحظ ابتداءً من %s", Began: "بدأ نحو %s", Peers: "الأجهزة المماثلة", Own: "جهازك",
			Months: [12]string{"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"},
		},
		Troubles: map[devices.Code]string{
			devices.Unauthorized: "هذا الرابط غير مكتمل أو انتهت صلاحيته. يرجى فتح أحدث رسالة منا.",
			devices.Forbidden:    "هذا الرابط ليس لهذه الصفحة أو انتهت صلاحيته. يرجى فتح أحدث رسالة منا.",
			devices.NotFound:     "ما كان هذا الرابط بشأنه لم يعد موجودًا.",
			devices.Conflict:     "لم يعد ذلك ممكنًا. يرجى فتح رابطك من جديد لمعرفة الوضع الحالي.",
			devices.Invalid:      "لم ينجح ذلك. يرجى الرجوع والمحاولة مرة أخرى.",
			devices.Unavailable:  "لا يمكننا الرد الآن. يرجى المحاولة بعد دقيقة، ولن يضيع شيء.",
			devices.Internal:     "حدث خطأ من جانبنا. يرجى المحاولة بعد دقيقة.",
		},
		TroubleHead: "لم ينجح ذلك",
	}
}
